package main

import (
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"strings"
)

// kubeconfigFacts is what a kubeconfig tells beside who the user is.
type kubeconfigFacts struct {
	server    string
	cluster   string
	namespace string
}

const kubeconfigText = `apiVersion: v1
kind: Config
clusters:
- name: %[1]s
  cluster: {server: "%[2]s", certificate-authority-data: %[3]s}
users:
- name: %[4]q
  user: {client-certificate-data: %[5]s, client-key-data: %[6]s}
contexts:
- name: %[1]s
  context: {cluster: %[1]s, user: %[4]q, namespace: %[7]s}
current-context: %[1]s
`

// kubeconfig issues a client certificate for the user and returns a kubeconfig that uses it.
func kubeconfig(ca *pair, facts kubeconfigFacts, user subject) ([]byte, error) {
	client, err := issue(ca, user)
	if err != nil {
		return nil, err
	}
	namespace := facts.namespace
	if namespace == "" {
		namespace = "default"
	}
	encode := base64.StdEncoding.EncodeToString
	text := fmt.Sprintf(kubeconfigText, facts.cluster, facts.server, encode(ca.certificatePEM),
		user.name, encode(client.certificatePEM), encode(client.keyPEM), namespace)
	return []byte(text), nil
}

// runUser prints a kubeconfig for a user who has no rights until someone binds a role to the name.
func runUser(args []string) error {
	flags := flag.NewFlagSet("user", flag.ExitOnError)
	dir := flags.String("dir", "pki", "folder that pki wrote")
	server := flags.String("server", "https://127.0.0.1:6443", "API server's URL")
	name := flags.String("name", "", "user name")
	groups := flags.String("groups", "", "groups, by comma")
	namespace := flags.String("namespace", "default", "namespace of the context")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ca, err := loadPair(*dir, "ca")
	if err != nil {
		return err
	}
	user := subject{name: *name}
	if *groups != "" {
		user.groups = strings.Split(*groups, ",")
	}
	text, err := kubeconfig(ca, kubeconfigFacts{*server, "playground", *namespace}, user)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}
