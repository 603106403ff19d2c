// SPDX-License-Identifier: Apache-2.0
package deploy

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
)

const release = "gate" // the chart's name is not part of it, so that names have both

var chart = filepath.Join(root, "deploy", "helm", "gatehouse")

// The sets of values in the chart's ci/.
var valueSets = []string{"minimal", "production", "tryout"}

// Manifests are a rendered chart, by what the tests ask about.
type Manifests struct {
	text    string
	objects []runtime.Object
}

func all[T any](manifests *Manifests) []T {
	var found []T
	for _, object := range manifests.objects {
		if typed, ok := object.(T); ok {
			found = append(found, typed)
		}
	}
	return found
}

// Workload is whatever makes pods.
type Workload struct {
	name     string
	labels   map[string]string // of its pods
	selector map[string]string // nil for a single pod
	pod      corev1.PodSpec
}

func (manifests *Manifests) workloads() []Workload {
	var found []Workload
	for _, d := range all[*appsv1.Deployment](manifests) {
		found = append(found, Workload{d.Name, d.Spec.Template.Labels, d.Spec.Selector.MatchLabels, d.Spec.Template.Spec})
	}
	for _, s := range all[*appsv1.StatefulSet](manifests) {
		found = append(found, Workload{s.Name, s.Spec.Template.Labels, s.Spec.Selector.MatchLabels, s.Spec.Template.Spec})
	}
	for _, p := range all[*corev1.Pod](manifests) {
		found = append(found, Workload{p.Name, p.Labels, nil, p.Spec})
	}
	return found
}

func component(labels map[string]string) string { return labels["app.kubernetes.io/component"] }

func template(arguments ...string) (string, error) { return templateAs(release, arguments...) }

func templateAs(name string, arguments ...string) (string, error) {
	arguments = append([]string{"template", name, chart, "--namespace", "gatehouse", "--kube-version", "1.31.0"}, arguments...)
	output, err := exec.Command(helm, arguments...).CombinedOutput()
	return string(output), err
}

func values(set string) string { return "--values=" + filepath.Join(chart, "ci", set+".yaml") }

// render decodes strictly: an unknown kind, an unknown or repeated field, or a value of a wrong type is an error.
func render(t *testing.T, set string, more ...string) *Manifests {
	t.Helper()
	text, err := template(append([]string{values(set)}, more...)...)
	if err != nil {
		t.Fatalf("helm template: %v\n%s", err, text)
	}
	manifests := &Manifests{text: text}
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	for _, document := range strings.Split("\n"+text, "\n---\n") {
		if strings.TrimSpace(document) == "" {
			continue
		}
		object, _, err := decoder.Decode([]byte(document), nil, nil)
		if err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		manifests.objects = append(manifests.objects, object)
	}
	return manifests
}

// forEachSet runs a test over what each set of values renders to.
func forEachSet(t *testing.T, test func(t *testing.T, manifests *Manifests)) {
	for _, set := range valueSets {
		t.Run(set, func(t *testing.T) { test(t, render(t, set)) })
	}
}

func TestLint(t *testing.T) {
	for _, set := range valueSets {
		t.Run(set, func(t *testing.T) {
			run(t, helm, "lint", "--strict", "--kube-version", "1.31.0", values(set), chart)
		})
	}
}

func TestOtherVersionsOfKubernetes(t *testing.T) {
	for version, fine := range map[string]bool{"1.29.0": false, "1.30.0": true, "1.34.0": true} {
		t.Run(version, func(t *testing.T) {
			if output, err := template(values("minimal"), "--kube-version", version); (err == nil) != fine {
				t.Errorf("renders: %v\n%s", err == nil, output)
			}
		})
	}
}

func TestRendersTheSameEachTime(t *testing.T) {
	if render(t, "production").text != render(t, "production").text {
		t.Error("an upgrade without a change would restart pods")
	}
}

func TestAChangedConfigurationRestartsThePods(t *testing.T) {
	checksums := func(manifests *Manifests) map[string]bool {
		found := map[string]bool{}
		for _, d := range all[*appsv1.Deployment](manifests) {
			found[d.Spec.Template.Annotations["checksum/config"]] = true
		}
		return found
	}
	before := checksums(render(t, "minimal"))
	for sum := range checksums(render(t, "minimal", "--set", "config.log.level=debug")) {
		if sum == "" || before[sum] {
			t.Errorf("checksum %q stays", sum)
		}
	}
}

func TestRefusesBadValues(t *testing.T) {
	for name, test := range map[string]struct{ set, complaint string }{
		"no public URL":               {"publicUrl=", "/publicUrl"},
		"a public URL with a path":    {"publicUrl=https://gate.example.org/api", "/publicUrl"},
		"an unknown key":              {"gatewya.replicas=3", "gatewya"},
		"an unknown key of a role":    {"gateway.replica=3", "replica"},
		"an unknown section":          {"config.gatway.body_bytes_max=1GiB", "gatway"},
		"replicas as text":            {"gateway.replicas=two", "/gateway/replicas"},
		"a store outside of a Secret": {"config.auth.store=mysql://user:password@host/db", "/config/auth/store"},
		"a password":                  {"config.notifier.smtp.password=secret", "/config/notifier/smtp/password"},
		"an address of the chart's":   {"config.gateway.listen=0.0.0.0:80", "/config/gateway/listen"},
		"no Secret for a store":       {"secrets.filesStore.name=", "/secrets/filesStore/name"},
		"a Secret that cannot be":     {"secrets.filesStore.name=Files_Store", "/secrets/filesStore/name"},
		"the tag latest":              {"image.tag=latest", "/image/tag"},
		"a scratch of no size":        {"worker.scratch=plenty", "/worker/scratch"},
		"no port of a store":          {"networkPolicy.authStore.ports=", "/networkPolicy/authStore/ports"},
		"a service of another type":   {"service.type=ExternalName", "/service/type"},
	} {
		t.Run(name, func(t *testing.T) {
			output, err := template(values("minimal"), "--set", test.set)
			if err == nil {
				t.Fatal("was rendered")
			}
			if !strings.Contains(output, test.complaint) {
				t.Errorf("the complaint does not name %s:\n%s", test.complaint, output)
			}
		})
	}
}
