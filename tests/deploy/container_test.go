// SPDX-License-Identifier: Apache-2.0
package deploy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const password = "correct horse battery staple"

// Container runs an image hardened as the Compose files and the chart do.
type Container struct {
	engine *Engine
	name   string
	url    string
	ops    string
	token  string
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// launch starts a container without waiting; where its ops port will be is in the variables.
func (engine *Engine) launch(t *testing.T, image string, options, variables []string, command ...string) *Container {
	t.Helper()
	container := &Container{engine: engine}
	arguments := []string{"run", "--detach", "--network", "host", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL",
		"--security-opt", "no-new-privileges"}
	arguments = append(arguments, options...)
	for _, variable := range variables {
		arguments = append(arguments, "--env", variable)
	}
	container.name = engine.do(t, append(append(arguments, image), command...)...)
	return container
}

func (container *Container) awaitHealth(t *testing.T) {
	t.Helper()
	waitFor(t, time.Minute, "the container is healthy", func() error {
		if state := container.inspect(t, "{{.State.Status}} {{.State.Health.Status}}"); state != "running healthy" {
			log, _ := container.engine.command("logs", "--tail", "5", container.name).CombinedOutput()
			return fmt.Errorf("it is %s\n%s", state, log)
		}
		return nil
	})
}

// startContainer runs every role on the volume, and waits until it is healthy.
func (engine *Engine) startContainer(t *testing.T, image, volume string) *Container {
	t.Helper()
	public, ops := freeAddress(t), freeAddress(t)
	container := engine.launch(t, image, []string{"--volume", volume + ":/data"}, []string{
		"GATEHOUSE_GATEWAY__LISTEN=" + public, "GATEHOUSE_OPS__LISTEN=" + ops, "GATEHOUSE_GATEWAY__PUBLIC_URL=http://gate.test"})
	container.url, container.ops = "http://"+public, "http://"+ops
	container.awaitHealth(t)
	return container
}

func (container *Container) inspect(t *testing.T, format string) string {
	t.Helper()
	return container.engine.do(t, "inspect", "--format", format, container.name)
}

// run runs the program once more in the container, with these variables: what it printed, and its exit code.
func (container *Container) run(variables []string, arguments ...string) (string, int) {
	options := []string{"exec"}
	for _, variable := range variables {
		options = append(options, "--env", variable)
	}
	command := container.engine.command(append(append(options, container.name, "gatehouse"), arguments...)...)
	output, _ := command.CombinedOutput()
	return strings.TrimSpace(string(output)), command.ProcessState.ExitCode()
}

// proc reads a file of the container's first process below the host's /proc.
func (container *Container) proc(t *testing.T, name string) string {
	t.Helper()
	return readFile(t, filepath.Join(container.processDirectory(t), name))
}

func (container *Container) processDirectory(t *testing.T) string {
	t.Helper()
	return filepath.Join("/proc", container.inspect(t, "{{.State.Pid}}"))
}

// addUser makes the user whom logIn() logs in.
func (container *Container) addUser(t *testing.T) {
	t.Helper()
	container.engine.feed(t, password+"\n", "exec", "--interactive", container.name, "gatehouse", "user", "add", "ada", "--email",
		"ada@example.org", "--password-stdin")
}

func (container *Container) logIn(t *testing.T) {
	t.Helper()
	request, _ := http.NewRequest(http.MethodPost, container.url+"/login", nil)
	request.SetBasicAuth("ada", password)
	request.Header.Set("Accept", "application/json")
	var answer struct {
		Token string `json:"access_token"`
	}
	container.do(t, request, http.StatusOK, &answer)
	container.token = answer.Token
}

// do sends a request; the answer must have the status, and is decoded into `answer`.
func (container *Container) do(t *testing.T, request *http.Request, status int, answer any) {
	t.Helper()
	if text := container.ask(t, request, status); answer != nil {
		if err := json.Unmarshal(text, answer); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	}
}

func (container *Container) ask(t *testing.T, request *http.Request, status int) []byte {
	t.Helper()
	if container.token != "" {
		request.Header.Set("Authorization", "Bearer "+container.token)
	}
	client := http.Client{Timeout: time.Minute}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != status {
		t.Fatalf("%s %s: %d, %v\n%s", request.Method, request.URL, response.StatusCode, err, text)
	}
	return text
}

func (container *Container) get(t *testing.T, path string, answer any) {
	t.Helper()
	request, _ := http.NewRequest(http.MethodGet, container.url+path, nil)
	container.do(t, request, http.StatusOK, answer)
}

func (container *Container) download(t *testing.T, id string) []byte {
	t.Helper()
	request, _ := http.NewRequest(http.MethodGet, container.url+"/files/"+id+"/content", nil)
	return container.ask(t, request, http.StatusOK)
}

type File struct {
	ID, Name, Type, State, Reason, Processor string
	Derived                                  []File
}

func (container *Container) upload(t *testing.T, name string, content []byte) File {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, _ := form.CreateFormFile("file", name)
	_, _ = part.Write(content)
	form.Close()
	request, _ := http.NewRequest(http.MethodPost, container.url+"/upload", &body)
	request.Header.Set("Content-Type", form.FormDataContentType())
	var answer struct{ Items []File }
	container.do(t, request, http.StatusCreated, &answer)
	if len(answer.Items) != 1 {
		t.Fatalf("%d files", len(answer.Items))
	}
	return answer.Items[0]
}

// awaitSound waits until the file is processed; it must have an mp3.
func (container *Container) awaitSound(t *testing.T, file File) {
	t.Helper()
	waitFor(t, time.Minute, "the sound is processed", func() error {
		container.get(t, "/files/"+file.ID, &file)
		if file.State != "processed" {
			return fmt.Errorf("%s %s", file.State, file.Reason)
		}
		return nil
	})
	at := slices.IndexFunc(file.Derived, func(derived File) bool { return derived.Processor == "audio" })
	if at < 0 || file.Derived[at].Type != "audio/mpeg" || len(container.download(t, file.Derived[at].ID)) < 1000 {
		t.Errorf("no mp3: %+v", file.Derived)
	}
}

// stop asks as Docker and Kubernetes do; the exit code.
func (container *Container) stop(t *testing.T) string {
	t.Helper()
	container.engine.do(t, "stop", "--time", "30", container.name)
	return container.inspect(t, "{{.State.ExitCode}}")
}
