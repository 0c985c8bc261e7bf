// Istio's control plane and its sidecar's agent in one program, as one image serves as both: the
// first word says which. `istio render FILE OUT` writes what the IstioOperator in FILE installs to
// OUT, as a Kubernetes List.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	meshconfig "istio.io/api/mesh/v1alpha1"
	manifests "istio.io/istio/operator/pkg/render"
	agent "istio.io/istio/pilot/cmd/pilot-agent/app"
	discovery "istio.io/istio/pilot/cmd/pilot-discovery/app"
	istioagent "istio.io/istio/pkg/istio-agent"
	"istio.io/istio/pkg/log"
	"istio.io/istio/pkg/security"
	"istio.io/istio/security/pkg/nodeagent/sds"
)

func main() {
	log.EnableKlogWithCobra()
	if err := command(os.Args).Execute(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func command(words []string) *cobra.Command {
	switch {
	case len(words) > 1 && words[1] == "discovery":
		return discovery.NewRootCommand()
	case len(words) == 4 && words[1] == "render":
		return &cobra.Command{RunE: func(*cobra.Command, []string) error { return render(words[2], words[3]) }}
	}
	return agent.NewRootCommand(newSecretServer)
}

func newSecretServer(options *security.Options, manager security.SecretManager, key *meshconfig.PrivateKeyProvider) istioagent.SDSService {
	return sds.NewServer(options, manager, key)
}

func render(file, out string) error {
	components, _, err := manifests.GenerateManifest([]string{file}, nil, false, nil, nil)
	if err != nil {
		return err
	}
	objects := []any{}
	for _, component := range components {
		for _, manifest := range component.Manifests {
			objects = append(objects, manifest.Object)
		}
	}
	text, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": objects})
	if err != nil {
		return err
	}
	return os.WriteFile(out, text, 0o644)
}
