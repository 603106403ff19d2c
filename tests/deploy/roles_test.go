// SPDX-License-Identifier: Apache-2.0
package deploy

import (
	"path/filepath"
	"strings"
	"testing"
)

// startServers starts MariaDB, RabbitMQ and a MongoDB-protocol server of this test's own: their URLs by variable.
func startServers(t *testing.T) map[string]string {
	t.Helper()
	services, directory := filepath.Join(root, "tools", "services"), t.TempDir()
	t.Cleanup(func() { run(t, services, "down", directory) })
	run(t, services, "up", directory)
	urls := map[string]string{}
	for _, line := range strings.Split(readFile(t, filepath.Join(directory, "env")), "\n") {
		if name, value, found := strings.Cut(line, "="); found {
			urls[name] = value
		}
	}
	return urls
}

// The image holds what it needs for the stores that are servers, and roles find each other by their URLs: as in the
// Compose file, but on the host's network.
func checkRolesApart(t *testing.T, engine *Engine) {
	urls := startServers(t)
	addresses := map[string]string{}
	for _, role := range roles {
		addresses[role] = freeAddress(t)
	}
	common := []string{
		"GATEHOUSE_GATEWAY__PUBLIC_URL=http://gate.test",
		"GATEHOUSE_SERVICE_KEY=" + strings.Repeat("k", 48),
		"GATEHOUSE_AUTH__ENCRYPTION_KEY=" + strings.Repeat("e", 48),
		"GATEHOUSE_AUTH__STORE=" + urls["GATEHOUSE_TEST_MYSQL"],
		"GATEHOUSE_AUTH__URLS=http://" + addresses["auth"],
		"GATEHOUSE_FILES__STORE=" + urls["GATEHOUSE_TEST_MONGODB"],
		"GATEHOUSE_FILES__URLS=http://" + addresses["files"],
		"GATEHOUSE_EVENTS__STORE=" + urls["GATEHOUSE_TEST_RABBITMQ"],
	}
	containers := map[string]*Container{}
	for _, role := range roles {
		image := map[bool]string{true: "worker:test", false: "gatehouse:test"}[role == "worker"]
		// On all addresses, as by the image's own variables: its health check finds that, too.
		variables := append([]string{"GATEHOUSE_OPS__LISTEN=" + strings.Replace(freeAddress(t), "127.0.0.1", "0.0.0.0", 1),
			"GATEHOUSE_" + strings.ToUpper(role) + "__LISTEN=" + addresses[role]}, common...)
		if role == "worker" || role == "notifier" {
			variables = append(variables[:1], common...) // they listen on the ops port alone
		}
		containers[role] = engine.launch(t, image, []string{"--tmpfs", "/data:uid=10001,gid=10001,mode=0700"}, variables, "serve", "--role", role)
	}
	for _, role := range roles {
		containers[role].awaitHealth(t)
	}
	containers["auth"].addUser(t)
	gateway := containers["gateway"]
	gateway.url = "http://" + addresses["gateway"]
	gateway.logIn(t)
	gateway.awaitSound(t, gateway.upload(t, "tone.wav", tone()))
	for _, role := range roles {
		if code := containers[role].stop(t); code != "0" {
			t.Errorf("%s: exit code %s", role, code)
		}
	}
}
