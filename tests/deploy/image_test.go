// SPDX-License-Identifier: Apache-2.0
package deploy

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

const megabytesMax = 150 // of the image without ffmpeg

// One engine for all of it; its steps are tests by name, and build on each other.
func TestImage(t *testing.T) {
	engine := startEngine(t)
	engine.importBase(t)
	engine.buildImage(t, "gatehouse")
	t.Run("is small", func(t *testing.T) {
		size := engine.megabytes(t, "gatehouse:test")
		t.Logf("gatehouse: %.1f MB, %.1f of them the base", size, engine.megabytes(t, baseImage))
		if size >= megabytesMax {
			t.Errorf("%.1f MB, not below %d", size, megabytesMax)
		}
	})
	t.Run("says what it is", func(t *testing.T) { checkMetadata(t, engine) })
	t.Run("holds nothing to build with or to gain privileges by", func(t *testing.T) { checkContents(t, engine) })
	t.Run("tells every setting it refuses", func(t *testing.T) { checkBadConfiguration(t, engine) })
	engine.do(t, "volume", "create", "data")
	container := engine.startContainer(t, "gatehouse:test", "data")
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
	t.Run("is unhealthy when it does not answer", func(t *testing.T) { checkHealthFails(t, container) })
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
		"{{json .Config.Healthcheck.Test}}":                            `["CMD","gatehouse-healthcheck"]`,
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

func checkContents(t *testing.T, engine *Engine) {
	look := "find / -xdev -type f -perm /6000; for p in cc gcc clang-19 cmake make npm node git curl wget ffmpeg; do command -v $p; done; " +
		"ls -d /src /usr/include/boost /var/lib/apt/lists/*_Packages 2>/dev/null; true"
	if found := engine.do(t, "run", "--rm", "--network", "none", "--user", "root", "--entrypoint", "bash", "gatehouse:test", "-c", look); found != "" {
		t.Errorf("it holds\n%s", found)
	}
	// The plug-in by which MySQL 8 logs in is loaded while it runs.
	plugin := "ls /usr/lib/*/libmariadb3/plugin/caching_sha2_password.so"
	engine.do(t, "run", "--rm", "--network", "none", "--entrypoint", "bash", "gatehouse:test", "-c", plugin)
}

func checkBadConfiguration(t *testing.T, engine *Engine) {
	output, err := engine.command("run", "--rm", "--network", "none", "--env", "GATEHOUSE_OPS__LISTEN=nowhere", "gatehouse:test").CombinedOutput()
	if err == nil || !strings.Contains(string(output), "ops.listen") {
		t.Errorf("%v\n%s", err, output)
	}
}

func checkConfinement(t *testing.T, container *Container) {
	for command, want := range map[string]string{
		"id -u": "10001",
		"touch /x /usr/x /etc/x 2>&1 | grep -vc 'Read-only file system'": "0",
		"grep -h ^Cap[PEB] /proc/1/status | cut -f2 | sort -u":           "0000000000000000",
		"grep -h ^NoNewPrivs /proc/1/status | cut -f2":                   "1",
		"cat /proc/1/comm":          "gatehouse",
		"stat -c '%a %U' /data":     "700 gatehouse",
		"echo $GATEHOUSE_DATA; pwd": "/data\n/data",
	} {
		if got := container.inside(command); got != want {
			t.Errorf("%s: %s", command, got)
		}
	}
}

// What `helm test` runs in a pod of the same image.
func checkHelmTest(t *testing.T, container *Container) {
	test := all[*corev1.Pod](render(t, "minimal"))[0].Spec.Containers[0]
	gateway, port, _ := net.SplitHostPort(strings.TrimPrefix(container.url, "http://"))
	command := []string{"exec", "--env", "GATEWAY=" + gateway, "--env", "PORT=" + port, container.name}
	command = append(append(command, test.Command...), test.Args...)
	if output := container.engine.do(t, command...); !strings.Contains(output, `"Ed25519"`) {
		t.Errorf("no keys in %s", output)
	}
	command[4] = "PORT=1"
	if output, err := container.engine.command(command...).CombinedOutput(); err == nil {
		t.Errorf("passes without a gateway: %s", output)
	}
}

// The check itself, against a port where nobody is, and a page that is not there.
func checkHealthFails(t *testing.T, container *Container) {
	for _, command := range []string{"GATEHOUSE_OPS__LISTEN=127.0.0.1:1 gatehouse-healthcheck", "gatehouse-healthcheck /nothing"} {
		if got := container.inside(command + " 2>/dev/null && echo healthy"); got != "" {
			t.Errorf("%s: %s", command, got)
		}
	}
	if got := container.inside("gatehouse-healthcheck && echo healthy"); got != "healthy" {
		t.Error("it is not healthy any more")
	}
}

func checkWorker(t *testing.T, engine *Engine) {
	engine.buildImage(t, "worker")
	t.Logf("worker: %.1f MB", engine.megabytes(t, "worker:test"))
	if found := engine.do(t, "run", "--rm", "--network", "none", "--user", "root", "--entrypoint", "find", "worker:test",
		"/", "-xdev", "-type", "f", "-perm", "/6000"); found != "" {
		t.Errorf("set-user-id files:\n%s", found)
	}
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
