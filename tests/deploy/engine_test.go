// SPDX-License-Identifier: Apache-2.0
package deploy

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Debian's client: it brings BuildKit without a plugin.
const docker = "/usr/bin/docker"

const baseImage = "debian:bookworm-slim"

// Engine is a Docker engine of this test's own: socket, data and processes. Containers and builds use the host's network,
// so that nothing of the host's is changed.
type Engine struct {
	directory string
	daemon    *exec.Cmd
}

func (engine *Engine) socket() string {
	return "unix://" + filepath.Join(engine.directory, "docker.sock")
}

func startEngine(t *testing.T) *Engine {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("the image is built and run by a Docker engine that the test starts: run it as root")
	}
	for _, wanted := range []string{docker, "/usr/sbin/dockerd", "/usr/sbin/debootstrap"} {
		if _, err := os.Stat(wanted); err != nil {
			t.Fatalf("%s is not installed: tools/setup deploy", wanted)
		}
	}
	// Not t.TempDir(): the path of a socket has 107 characters at most.
	directory, err := os.MkdirTemp("", "gatehouse-engine-")
	if err != nil {
		t.Fatal(err)
	}
	engine := &Engine{directory: directory}
	t.Cleanup(func() { engine.stop(t) })
	in := func(name string) string { return filepath.Join(directory, name) }
	log, err := os.Create(in("log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	engine.daemon = exec.Command("/usr/sbin/dockerd", "--host", engine.socket(), "--data-root", in("data"), "--exec-root", in("exec"),
		"--pidfile", in("pid"), "--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false")
	engine.daemon.Stdout, engine.daemon.Stderr = log, log
	if err := startTied(engine.daemon); err != nil {
		t.Fatal(err)
	}
	waitFor(t, time.Minute, "the engine answers", func() error { return engine.command("version").Run() })
	return engine
}

// startTied starts a process that ends with this one, also when the test is killed.
func startTied(command *exec.Cmd) error {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	started := make(chan error)
	go func() {
		// The kernel looks at the thread that started it: this one stays for as long as the test runs.
		runtime.LockOSThread()
		started <- command.Start()
		select {}
	}()
	return <-started
}

func (engine *Engine) stop(t *testing.T) {
	if engine.daemon != nil && engine.daemon.Process != nil {
		if names, err := engine.command("ps", "--all", "--quiet").Output(); err == nil && len(names) > 0 {
			_ = engine.command(append([]string{"rm", "--force", "--volumes"}, strings.Fields(string(names))...)...).Run()
		}
		_ = engine.daemon.Process.Signal(syscall.SIGTERM)
		ended := make(chan error, 1)
		go func() { ended <- engine.daemon.Wait() }()
		select {
		case <-ended:
		case <-time.After(time.Minute):
			_ = syscall.Kill(-engine.daemon.Process.Pid, syscall.SIGKILL)
			t.Error("the engine did not stop within a minute")
		}
	}
	unmountBelow(engine.directory)
	if err := os.RemoveAll(engine.directory); err != nil {
		t.Errorf("something is left in %s: %v", engine.directory, err)
	}
}

// The engine leaves a mount of its network namespace behind.
func unmountBelow(directory string) {
	mounts, _ := os.ReadFile("/proc/self/mounts")
	for _, line := range strings.Split(string(mounts), "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && strings.HasPrefix(fields[1], directory+"/") {
			_ = syscall.Unmount(fields[1], 0)
		}
	}
}

func (engine *Engine) command(arguments ...string) *exec.Cmd {
	command := exec.Command(docker, append([]string{"--host", engine.socket()}, arguments...)...)
	command.Env = append(os.Environ(), "DOCKER_BUILDKIT=1")
	return command
}

// do runs docker with these arguments, which must succeed; standard output without the end of its last line.
func (engine *Engine) do(t *testing.T, arguments ...string) string {
	t.Helper()
	return engine.feed(t, "", arguments...)
}

func (engine *Engine) feed(t *testing.T, input string, arguments ...string) string {
	t.Helper()
	var out, complaint bytes.Buffer
	command := engine.command(arguments...)
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(input), &out, &complaint
	if err := command.Run(); err != nil {
		t.Fatalf("docker %s: %v\n%s\n%s", strings.Join(arguments, " "), err, out.String(), complaint.String())
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// importBase makes the base image from Debian's packages, as no registry may be reachable. It is kept in build/deploy.
func (engine *Engine) importBase(t *testing.T) {
	t.Helper()
	archive := filepath.Join(build, "base.tar")
	if _, err := os.Stat(archive); err != nil {
		run(t, filepath.Join(root, "tests", "deploy", "base_image"), archive)
	}
	engine.do(t, "import", archive, baseImage)
}

// buildImage builds a target around the program that is compiled already, without its debug information, as in the
// build from source.
func (engine *Engine) buildImage(t *testing.T, target string) {
	t.Helper()
	run(t, "llvm-strip-19", "--strip-unneeded", "-o", filepath.Join(build, "gatehouse"), program)
	engine.do(t, "build", "--network", "host", "--file", filepath.Join(root, "deploy", "docker", "Dockerfile"), "--target", target,
		"--build-arg", "BINARY=prebuilt", "--tag", target+":test", root)
}

func waitFor(t *testing.T, patience time.Duration, what string, attempt func() error) {
	t.Helper()
	end := time.Now().Add(patience)
	for {
		err := attempt()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s: %v", patience, what, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// megabytes as Docker counts them.
func (engine *Engine) megabytes(t *testing.T, image string) float64 {
	t.Helper()
	var bytes float64
	if _, err := fmt.Sscan(engine.do(t, "image", "inspect", "--format", "{{.Size}}", image), &bytes); err != nil {
		t.Fatal(err)
	}
	return bytes / 1e6
}
