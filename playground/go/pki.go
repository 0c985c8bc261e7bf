package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// runPKI writes every certificate, key and kubeconfig of a cluster into one folder.
func runPKI(args []string) error {
	flags := flag.NewFlagSet("pki", flag.ExitOnError)
	dir := flags.String("dir", "pki", "output folder")
	server := flags.String("server", "https://127.0.0.1:6443", "API server's URL, for the kubeconfigs")
	sans := flags.String("sans", "127.0.0.1", "addresses and names of the API server, by comma")
	nodes := flags.String("nodes", "node1", "names of the nodes, by comma")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := os.MkdirAll(*dir, 0o700); err != nil {
		return err
	}
	ca, err := authority("kubernetes-ca")
	if err != nil {
		return err
	}
	steps := []func() error{
		func() error { return ca.save(*dir, "ca") },
		func() error { return saveFrontProxy(*dir) },
		func() error { return saveServiceAccountKey(*dir) },
		func() error { return saveAPIServer(ca, *dir, *sans) },
		func() error { return saveKubeconfigs(ca, *dir, *server, strings.Split(*nodes, ",")) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// saveFrontProxy makes the separate authority that API aggregation asks for.
func saveFrontProxy(dir string) error {
	ca, err := authority("front-proxy-ca")
	if err != nil {
		return err
	}
	if err := ca.save(dir, "front-proxy-ca"); err != nil {
		return err
	}
	return issueAndSave(ca, dir, "front-proxy-client", subject{name: "front-proxy-client"})
}

func saveAPIServer(ca *pair, dir, sans string) error {
	server := subject{name: "kube-apiserver", names: []string{
		"kubernetes", "kubernetes.default", "kubernetes.default.svc",
		"kubernetes.default.svc.cluster.local", "localhost",
	}}
	for _, san := range strings.Split(sans, ",") {
		if address := net.ParseIP(san); address != nil {
			server.addresses = append(server.addresses, address)
		} else {
			server.names = append(server.names, san)
		}
	}
	if err := issueAndSave(ca, dir, "apiserver", server); err != nil {
		return err
	}
	return issueAndSave(ca, dir, "apiserver-kubelet-client",
		subject{name: "kube-apiserver-kubelet-client", groups: []string{"system:masters"}})
}

func issueAndSave(ca *pair, dir, file string, whom subject) error {
	made, err := issue(ca, whom)
	if err != nil {
		return err
	}
	return made.save(dir, file)
}

// saveServiceAccountKey makes the key that signs the tokens of service accounts.
func saveServiceAccountKey(dir string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	private := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	if err := os.WriteFile(filepath.Join(dir, "sa.key"), private, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "sa.pub"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o600)
}

func saveKubeconfigs(ca *pair, dir, server string, nodes []string) error {
	users := map[string]subject{
		"admin":      {name: "playground-admin", groups: []string{"system:masters"}},
		"kcm":        {name: "system:kube-controller-manager"},
		"scheduler":  {name: "system:kube-scheduler"},
		"kube-proxy": {name: "system:kube-proxy"},
	}
	for _, node := range nodes {
		users["kubelet-"+node] = subject{name: "system:node:" + node, groups: []string{"system:nodes"}}
	}
	for file, user := range users {
		text, err := kubeconfig(ca, kubeconfigFacts{server: server, cluster: "playground"}, user)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, file+".kubeconfig"), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}
