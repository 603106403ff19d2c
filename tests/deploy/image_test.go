// SPDX-License-Identifier: Apache-2.0
package deploy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

var megabytesMax = map[string]float64{"gatehouse": 110, "worker": 360}

// One engine for all of it; its steps are tests by name, and build on each other.
func TestImage(t *testing.T) {
	t.Parallel()
	engine := startEngine(t)
	engine.importBase(t)
	engine.buildImage(t, "gatehouse")
	t.Run("is small", func(t *testing.T) { checkSize(t, engine, "gatehouse") })
	t.Run("says what it is", func(t *testing.T) { checkMetadata(t, engine) })
	t.Run("holds the program and what it needs", func(t *testing.T) {
		files := engine.files(t, "gatehouse:test")
		checkContents(t, files, []string{"usr/local/bin/gatehouse"})
		checkBillOfMaterials(t, files)
	})
	t.Run("tells every setting it refuses", func(t *testing.T) { checkBadConfiguration(t, engine) })
	engine.do(t, "volume", "create", "data")
	container := engine.startContainer(t, "gatehouse:test", "data")
	t.Run("has nothing else to run", func(t *testing.T) { checkNoShell(t, container) })
	t.Run("runs without root on a read-only root", func(t *testing.T) { checkConfinement(t, container) })
	t.Run("is ready", func(t *testing.T) {
		request, _ := http.NewRequest(http.MethodGet, container.ops+"/readyz", nil)
		if text := container.ask(t, request, http.StatusOK); string(text) != "ready\n" {
			t.Errorf("%q", text)
		}
	})
	content := make([]byte, 3_000_000)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range content {
		content[i] = byte(random.Uint32())
	}
	var file File
	t.Run("takes a login and an upload", func(t *testing.T) {
		container.addUser(t)
		container.logIn(t)
		file = container.upload(t, "random.bin", content)
		if !bytes.Equal(container.download(t, file.ID), content) {
			t.Error("other bytes come back")
		}
	})
	t.Run("passes the chart's test", func(t *testing.T) { checkHelmTest(t, container) })
	t.Run("tells its health", func(t *testing.T) { checkHealth(t, container) })
	t.Run("is unhealthy while it is not ready", func(t *testing.T) { checkUnhealthy(t, engine) })
	t.Run("ends by SIGTERM with 0", func(t *testing.T) {
		if code := container.stop(t); code != "0" {
			t.Errorf("exit code %s", code)
		}
	})
	t.Run("keeps everything in its volume", func(t *testing.T) {
		engine.do(t, "rm", container.name)
		again := engine.startContainer(t, "gatehouse:test", "data")
		again.logIn(t)
		if !bytes.Equal(again.download(t, file.ID), content) {
			t.Error("other bytes come back")
		}
		again.stop(t)
	})
	t.Run("processes media with ffmpeg", func(t *testing.T) { checkWorker(t, engine) })
	t.Run("runs each role in a container of its own", func(t *testing.T) { checkRolesApart(t, engine) })
}

func checkMetadata(t *testing.T, engine *Engine) {
	for format, want := range map[string]string{
		"{{.Config.User}}":                                             "10001:10001",
		"{{.Config.StopSignal}}":                                       "SIGTERM",
		"{{json .Config.Entrypoint}}":                                  `["gatehouse"]`,
		"{{json .Config.Cmd}}":                                         `["serve"]`,
		"{{json .Config.Volumes}}":                                     `{"/data":{}}`,
		"{{json .Config.Healthcheck.Test}}":                            `["CMD","gatehouse","health"]`,
		"{{json .Config.ExposedPorts}}":                                `{"8080/tcp":{},"8081/tcp":{},"8082/tcp":{},"9090/tcp":{}}`,
		`{{index .Config.Labels "org.opencontainers.image.licenses"}}`: "Apache-2.0",
	} {
		if got := engine.do(t, "image", "inspect", "--format", format, "gatehouse:test"); got != want {
			t.Errorf("%s: %s", format, got)
		}
	}
	version, _, _ := strings.Cut(engine.do(t, "run", "--rm", "--network", "none", "gatehouse:test", "version"), "\n")
	label := engine.do(t, "image", "inspect", "--format", `{{index .Config.Labels "org.opencontainers.image.version"}}`, "gatehouse:test")
	if version != "gatehouse "+label {
		t.Errorf("the label says %s, the program %s", label, version)
	}
}

func checkSize(t *testing.T, engine *Engine, name string) {
	size := engine.megabytes(t, name+":test")
	t.Logf("%s: %.1f MB", name, size)
	if size >= megabytesMax[name] {
		t.Errorf("%s: %.1f MB, not below %v", name, size, megabytesMax[name])
	}
}

func checkBadConfiguration(t *testing.T, engine *Engine) {
	output, err := engine.command("run", "--rm", "--network", "none", "--env", "GATEHOUSE_OPS__LISTEN=nowhere", "gatehouse:test").CombinedOutput()
	if err == nil || !strings.Contains(string(output), "ops.listen") {
		t.Errorf("%v\n%s", err, output)
	}
}

// Looked at from outside, as there is nothing inside to look with.
func checkConfinement(t *testing.T, container *Container) {
	status := container.proc(t, "status")
	for _, want := range []string{"Name:\tgatehouse\n", "Uid:\t10001\t10001\t10001\t10001\n", "Gid:\t10001\t10001\t10001\t10001\n", "NoNewPrivs:\t1\n",
		"CapPrm:\t0000000000000000\n", "CapEff:\t0000000000000000\n", "CapBnd:\t0000000000000000\n"} {
		if !strings.Contains(status, want) {
			t.Errorf("no %q in\n%s", want, status)
		}
	}
	if environment := strings.Split(container.proc(t, "environ"), "\x00"); !slices.Contains(environment, "GATEHOUSE_DATA=/data") {
		t.Errorf("%q", environment)
	}
	root := filepath.Join(container.processDirectory(t), "root")
	if directory, err := os.Readlink(filepath.Join(filepath.Dir(root), "cwd")); err != nil || directory != "/data" {
		t.Errorf("it works in %s: %v", directory, err)
	}
	// Not even the host's root may write there.
	for _, place := range []string{"x", "usr/x", "etc/x", "etc/passwd"} {
		if file, err := os.OpenFile(filepath.Join(root, place), os.O_WRONLY|os.O_CREATE, 0o600); !errors.Is(err, syscall.EROFS) {
			t.Errorf("/%s: %v", place, err)
			file.Close()
		}
	}
	info, err := os.Stat(filepath.Join(root, "data"))
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t); info.Mode().Perm() != 0o700 || owner.Uid != 10001 || owner.Gid != 10001 {
		t.Errorf("/data is %v of %d:%d", info.Mode(), owner.Uid, owner.Gid)
	}
}

func checkNoShell(t *testing.T, container *Container) {
	for _, name := range []string{"sh", "bash", "dash", "busybox", "env", "cat", "ls", "perl", "python3", "apt-get", "dpkg", "openssl", "curl", "/bin/sh", "/usr/bin/env"} {
		output, err := container.engine.command("exec", container.name, name, "--version").CombinedOutput()
		if err == nil || !strings.Contains(string(output), "executable file not found") && !strings.Contains(string(output), "no such file or directory") {
			t.Errorf("%s: %v\n%s", name, err, output)
		}
	}
}

// What `helm test` runs in a pod of the same image.
func checkHelmTest(t *testing.T, container *Container) {
	manifests := render(t, "minimal")
	command := slices.Clone(all[*corev1.Pod](manifests)[0].Spec.Containers[0].Args)
	at := slices.Index(command, "--gateway") + 1
	services := all[*corev1.Service](manifests)
	if !slices.ContainsFunc(services, func(service *corev1.Service) bool {
		return command[at] == fmt.Sprintf("http://%s:%d", service.Name, service.Spec.Ports[0].Port) && component(service.Labels) == "gateway"
	}) {
		t.Errorf("it asks %s", command[at])
	}
	command[at] = container.url
	if output, code := container.run(nil, command...); code != 0 || output != "ready" {
		t.Errorf("exit code %d\n%s", code, output)
	}
	command[at] = container.ops // a server, but no gateway
	if output, code := container.run(nil, command...); code != 1 || !strings.Contains(output, "jwks.json is answered with 404") {
		t.Errorf("exit code %d\n%s", code, output)
	}
	command[at] = "http://127.0.0.1:1"
	if output, code := container.run(nil, command...); code != 1 || !strings.Contains(output, "no answer from http://127.0.0.1:1") {
		t.Errorf("exit code %d\n%s", code, output)
	}
}

func checkHealth(t *testing.T, container *Container) {
	check := func(wantCode int, want string, variables []string, arguments ...string) {
		t.Helper()
		if output, code := container.run(variables, append([]string{"health"}, arguments...)...); code != wantCode || !strings.Contains(output, want) {
			t.Errorf("%v: exit code %d\n%s", arguments, code, output)
		}
	}
	check(0, "ready", nil)
	check(0, "ok", nil, "live")
	check(0, "started", nil, "started")
	check(0, `"healthy":true`, nil, "--json")
	check(1, "no answer from 127.0.0.1:1", []string{"GATEHOUSE_OPS__LISTEN=:1"})
	check(1, "status 404", []string{"GATEHOUSE_OPS__LISTEN=" + strings.TrimPrefix(container.url, "http://")}) // somebody else's port
	check(2, "ops.listen", []string{"GATEHOUSE_OPS__LISTEN=nowhere"})
}

// A gateway that has no keys to verify by, because auth is away.
func checkUnhealthy(t *testing.T, engine *Engine) {
	container := engine.launch(t, "gatehouse:test",
		[]string{"--tmpfs", "/data:uid=10001,gid=10001,mode=0700", "--health-interval", "1s", "--health-start-period", "1s", "--health-retries", "1"},
		[]string{"GATEHOUSE_GATEWAY__LISTEN=" + freeAddress(t), "GATEHOUSE_OPS__LISTEN=" + freeAddress(t), "GATEHOUSE_GATEWAY__PUBLIC_URL=http://gate.test",
			"GATEHOUSE_AUTH__URLS=http://127.0.0.1:1", "GATEHOUSE_FILES__URLS=http://127.0.0.1:1", "GATEHOUSE_SERVICE_KEY=" + strings.Repeat("k", 48)},
		"serve", "--role", "gateway")
	waitFor(t, time.Minute, "the container is unhealthy", func() error {
		state := container.inspect(t, "{{.State.Status}} {{.State.Health.Status}} {{range .State.Health.Log}}{{.ExitCode}} {{.Output}}{{end}}")
		if !strings.HasPrefix(state, "running unhealthy ") || !strings.Contains(state, "1 not ready, without auth.keys") {
			return errors.New(state)
		}
		return nil
	})
	if output, code := container.run(nil, "health", "live"); code != 0 || output != "ok" {
		t.Errorf("it is not alive: exit code %d\n%s", code, output)
	}
	container.stop(t)
}

func checkWorker(t *testing.T, engine *Engine) {
	engine.buildImage(t, "worker")
	checkSize(t, engine, "worker")
	checkContents(t, engine.files(t, "worker:test"), []string{"usr/bin/ffmpeg", "usr/bin/ffprobe", "usr/local/bin/gatehouse"})
	engine.do(t, "volume", "create", "media")
	container := engine.startContainer(t, "worker:test", "media")
	container.addUser(t)
	container.logIn(t)
	container.awaitSound(t, container.upload(t, "tone.wav", tone()))
	if code := container.stop(t); code != "0" {
		t.Errorf("exit code %s", code)
	}
}

// One second of 440 Hz as a WAV file.
func tone() []byte {
	const rate = 8000
	var samples bytes.Buffer
	for i := range rate {
		_ = binary.Write(&samples, binary.LittleEndian, int16(8000*math.Sin(2*math.Pi*440*float64(i)/rate)))
	}
	var file bytes.Buffer
	file.WriteString("RIFF")
	_ = binary.Write(&file, binary.LittleEndian, uint32(36+samples.Len()))
	file.WriteString("WAVEfmt ")
	for _, field := range []any{uint32(16), uint16(1), uint16(1), uint32(rate), uint32(rate * 2), uint16(2), uint16(16)} {
		_ = binary.Write(&file, binary.LittleEndian, field)
	}
	file.WriteString("data")
	_ = binary.Write(&file, binary.LittleEndian, uint32(samples.Len()))
	file.Write(samples.Bytes())
	return file.Bytes()
}
