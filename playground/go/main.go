// kube is every program of a small Kubernetes cluster in one binary, so that what they have in
// common is compiled and linked once: the control plane, the node programs, kubectl, and the
// playground's own commands (certificates, the slow line).
package main

import (
	"context"
	"fmt"
	"os"
	"sort"
	"strings"
	_ "time/tzdata"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectlcmd "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// ours are the commands written here; components are the upstream programs.
var ours = map[string]func(args []string) error{
	"etcd": runEtcd,
	"pki":  runPKI,
	"user": runUser,
	"line": runLine,
}

var components = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllers.NewControllerManagerCommand,
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	"kubelet":                 func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) },
	"kube-proxy":              proxy.NewProxyCommand,
}

func main() {
	if len(os.Args) < 2 {
		fail("usage: kube " + strings.Join(commandNames(), "|") + " ...")
	}
	name := os.Args[1]
	os.Args = append([]string{name}, os.Args[2:]...)
	run(name)
}

func run(name string) {
	if command, found := ours[name]; found {
		if err := command(os.Args[1:]); err != nil {
			fail(name + ": " + err.Error())
		}
		return
	}
	if component, found := components[name]; found {
		os.Exit(cli.Run(component()))
	}
	if name != "kubectl" {
		fail("unknown command " + name)
	}
	runKubectl()
}

func runKubectl() {
	if err := cli.RunNoErrOutput(kubectlcmd.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err)
	}
}

func commandNames() []string {
	names := []string{"kubectl"}
	for name := range ours {
		names = append(names, name)
	}
	for name := range components {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(2)
}
