// SPDX-License-Identifier: Apache-2.0
package deploy

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

var composeFiles = []string{"all-in-one.yaml", "distributed.yaml"}

// compose reads a file as `docker compose config` does: by the schema, with anchors and variables put in.
func compose(t *testing.T, file string, variables ...string) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "deploy", "compose", file)}, cli.WithEnv(variables))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func TestComposeServicesAreHardened(t *testing.T) {
	for _, file := range composeFiles {
		t.Run(file, func(t *testing.T) {
			for name, service := range compose(t, file).Services {
				if !service.ReadOnly || !slices.Equal(service.CapDrop, []string{"ALL"}) || len(service.CapAdd) > 0 ||
					!slices.Equal(service.SecurityOpt, []string{"no-new-privileges:true"}) || service.Privileged || service.PidsLimit <= 0 {
					t.Errorf("%s is not hardened", name)
				}
				if service.Restart != "unless-stopped" || service.StopGracePeriod == nil {
					t.Errorf("%s: restart %q, grace %v", name, service.Restart, service.StopGracePeriod)
				}
				if _, tag, _ := strings.Cut(service.Image, ":"); tag == "" || tag == "latest" {
					t.Errorf("%s: image %s", name, service.Image)
				}
				// The roles' image has a health check of its own, and nothing that another could be made of.
				if role := strings.HasPrefix(service.Image, "gatehouse"); role && (service.HealthCheck != nil || service.Entrypoint != nil) {
					t.Errorf("%s runs something else than the program", name)
				} else if !role && (service.HealthCheck == nil || service.User == "" || service.User == "0") {
					t.Errorf("%s has no health check, or is root", name)
				}
			}
		})
	}
}

func TestComposePublishesTheGatewayAlone(t *testing.T) {
	for file, public := range map[string]string{"all-in-one.yaml": "gatehouse", "distributed.yaml": "gateway"} {
		for name, service := range compose(t, file).Services {
			if (len(service.Ports) > 0) != (name == public) {
				t.Errorf("%s: %s publishes %v", file, name, service.Ports)
			}
		}
		port := compose(t, file, "GATEHOUSE_PORT=9999").Services[public].Ports[0]
		if port.Published != "9999" || port.Target != 8080 {
			t.Errorf("%s: %+v", file, port)
		}
	}
}

func TestComposeStoresAreReachedByTheirRoles(t *testing.T) {
	project := compose(t, "distributed.yaml")
	users := map[string][]string{
		"mysql":    {"auth"},
		"mongodb":  {"files", "worker"},
		"rabbitmq": {"auth", "files", "notifier", "worker"},
	}
	for store, want := range users {
		var got []string
		for name, service := range project.Services {
			if _, shares := service.Networks[store]; shares && name != store {
				got = append(got, name)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) || !bool(project.Networks[store].Internal) {
			t.Errorf("%s is reached by %v", store, got)
		}
		if networks := slices.Collect(maps.Keys(project.Services[store].Networks)); len(networks) != 1 {
			t.Errorf("%s is in the networks %v", store, networks)
		}
	}
}

func makeSecrets(t *testing.T) string {
	directory := t.TempDir()
	run(t, filepath.Join(root, "deploy", "compose", "make_secrets"), directory)
	return directory
}

func TestSecretsAreMadeOnce(t *testing.T) {
	directory := makeSecrets(t)
	before := readFile(t, filepath.Join(directory, "auth_store"))
	run(t, filepath.Join(root, "deploy", "compose", "make_secrets"), directory)
	if readFile(t, filepath.Join(directory, "auth_store")) != before {
		t.Error("a second run changes the password that MySQL was made with")
	}
	if before == readFile(t, filepath.Join(makeSecrets(t), "auth_store")) {
		t.Error("two installations have the same password")
	}
	if info, err := os.Stat(directory); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory is %v", info.Mode())
	}
}

func TestComposeSecretsAreThere(t *testing.T) {
	project := compose(t, "distributed.yaml")
	directory := makeSecrets(t)
	used := map[string]bool{}
	for _, service := range project.Services {
		for _, secret := range service.Secrets {
			used[secret.Source] = true
		}
		for name := range service.Environment {
			if secret := strings.Contains(name, "PASSWORD") || strings.Contains(name, "STORE") || strings.Contains(name, "KEY"); secret && !strings.HasSuffix(name, "_FILE") {
				t.Errorf("%s has a secret in its environment: %s", service.Name, name)
			}
		}
	}
	for name, secret := range project.Secrets {
		if text := readFile(t, filepath.Join(directory, filepath.Base(secret.File))); len(text) < 24 || !used[name] {
			t.Errorf("%s: used %v, %d bytes", name, used[name], len(text))
		}
	}
	if len(used) != len(project.Secrets) {
		t.Errorf("used are %v", used)
	}
}

// What is mounted from the repository is there.
func TestComposeFilesMountWhatExists(t *testing.T) {
	for _, file := range composeFiles {
		for name, service := range compose(t, file).Services {
			for _, volume := range service.Volumes {
				if volume.Type != types.VolumeTypeBind {
					continue
				}
				if _, err := os.Stat(volume.Source); err != nil || !volume.ReadOnly {
					t.Errorf("%s: %s: %v, read-only %v", file, name, err, volume.ReadOnly)
				}
			}
			if service.Build != nil {
				if _, err := os.Stat(filepath.Join(service.Build.Context, service.Build.Dockerfile)); err != nil {
					t.Errorf("%s: %s: %v", file, name, err)
				}
			}
		}
	}
}

func TestTheProgramTakesTheComposeConfiguration(t *testing.T) {
	directory := makeSecrets(t)
	for _, file := range composeFiles {
		for name, service := range compose(t, file).Services {
			role := name
			if name == "gatehouse" {
				role = "all"
			} else if !slices.Contains(roles, name) {
				continue
			} else if want := []string{"serve", "--role", name}; !slices.Equal(service.Command, want) {
				t.Errorf("%s runs %v", name, service.Command)
			}
			var variables []string
			for variable, value := range service.Environment {
				if value != nil {
					variables = append(variables, fmt.Sprintf("%s=%s", variable, strings.Replace(*value, "/run/secrets/", directory+"/", 1)))
				}
			}
			checkConfiguration(t, role, variables)
		}
	}
}
