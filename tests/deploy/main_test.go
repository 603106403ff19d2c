// SPDX-License-Identifier: Apache-2.0

// Package deploy tests what is below deploy/: the chart with Helm and Kubernetes' own types, the Compose files with
// Compose's own loader, the image by building and running it.
package deploy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var (
	root    = absolute("../..")
	build   = filepath.Join(root, "build", "deploy") // what is kept from run to run
	helm    = filepath.Join(build, "helm")
	program = absolute(env("GATEHOUSE_BIN", filepath.Join(root, "build", "gatehouse")))
)

var roles = []string{"gateway", "auth", "files", "worker", "notifier"}

func absolute(path string) string {
	full, err := filepath.Abs(path)
	if err != nil {
		panic(err)
	}
	return full
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func TestMain(m *testing.M) {
	if err := buildHelm(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// Minutes the first time; then the Go toolchain finds it done.
func buildHelm() error {
	output, err := exec.Command("go", "build", "-o", helm, "helm.sh/helm/v3/cmd/helm").CombinedOutput()
	if err != nil {
		return fmt.Errorf("cannot build Helm: %w\n%s", err, output)
	}
	return nil
}

// run runs a command that must succeed; what it printed.
func run(t *testing.T, name string, arguments ...string) string {
	t.Helper()
	output, err := exec.Command(name, arguments...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(arguments, " "), err, output)
	}
	return string(output)
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// checkConfiguration asks the program itself whether a process of this role would start with these variables.
func checkConfiguration(t *testing.T, role string, variables []string) {
	t.Helper()
	command := exec.Command(program, "config", "check", "--role", role)
	command.Env = append([]string{"PATH=" + os.Getenv("PATH")}, variables...)
	if output, err := command.CombinedOutput(); err != nil {
		t.Errorf("config check of %s: %v\n%s\n%s", role, err, output, strings.Join(variables, "\n"))
	}
}

func writeFile(t *testing.T, directory, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(directory, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
