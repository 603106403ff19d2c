// SPDX-License-Identifier: Apache-2.0
package deploy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

func isSet(flag *bool, want bool) bool { return flag != nil && *flag == want }

// The restricted Pod Security Standard, a read-only root, and no token of Kubernetes'.
func TestEveryPodIsRestricted(t *testing.T) {
	forEachSet(t, func(t *testing.T, manifests *Manifests) {
		for _, workload := range manifests.workloads() {
			for _, fault := range podFaults(workload.pod) {
				t.Errorf("%s: %s", workload.name, fault)
			}
		}
	})
}

func podFaults(pod corev1.PodSpec) []string {
	var faults []string
	check := func(fine bool, fault string) {
		if !fine {
			faults = append(faults, fault)
		}
	}
	context := pod.SecurityContext
	check(isSet(context.RunAsNonRoot, true) && context.RunAsUser != nil && *context.RunAsUser > 0, "may be root")
	check(context.SeccompProfile != nil && context.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault, "seccomp")
	check(isSet(pod.AutomountServiceAccountToken, false), "has a token")
	check(isSet(pod.EnableServiceLinks, false), "gets variables of the names of Services")
	check(!pod.HostNetwork && !pod.HostPID && !pod.HostIPC, "shares the host's namespaces")
	for _, volume := range pod.Volumes {
		check(volume.HostPath == nil, "mounts the host's "+volume.Name)
		check(volume.EmptyDir == nil || !volume.EmptyDir.SizeLimit.IsZero(), "no limit of "+volume.Name)
	}
	for _, container := range slices.Concat(pod.InitContainers, pod.Containers) {
		context := container.SecurityContext
		check(context != nil && isSet(context.AllowPrivilegeEscalation, false), "may gain privileges")
		check(context != nil && isSet(context.ReadOnlyRootFilesystem, true), "writable root")
		check(context != nil && context.Capabilities != nil && slices.Equal(context.Capabilities.Drop, []corev1.Capability{"ALL"}) &&
			len(context.Capabilities.Add) == 0, "capabilities")
		check(!container.Resources.Requests.Cpu().IsZero() && !container.Resources.Requests.Memory().IsZero(), "requests nothing")
		check(!container.Resources.Limits.Memory().IsZero(), "no limit of memory")
		_, tag, found := strings.Cut(container.Image[strings.LastIndex(container.Image, "/")+1:], ":")
		check(found && tag != "latest", "image without a version: "+container.Image)
	}
	return faults
}

func TestOneDeploymentForEachRole(t *testing.T) {
	forEachSet(t, func(t *testing.T, manifests *Manifests) {
		found := map[string]int{}
		for _, deployment := range all[*appsv1.Deployment](manifests) {
			role := component(deployment.Spec.Template.Labels)
			found[role]++
			container := deployment.Spec.Template.Spec.Containers[0]
			if !slices.Equal(container.Args, []string{"serve", "--role", role}) {
				t.Errorf("%s runs %v", role, container.Args)
			}
			if worker := strings.Contains(container.Image, "gatehouse-worker:"); worker != (role == "worker") {
				t.Errorf("%s has the image %s", role, container.Image)
			}
		}
		for _, role := range roles {
			if found[role] != 1 {
				t.Errorf("%d Deployments of %s", found[role], role)
			}
		}
		if len(found) != len(roles) {
			t.Errorf("Deployments of %v", found)
		}
	})
}

func TestDeploymentsAreProbedOnTheOpsPort(t *testing.T) {
	forEachSet(t, func(t *testing.T, manifests *Manifests) {
		for _, deployment := range all[*appsv1.Deployment](manifests) {
			container := deployment.Spec.Template.Spec.Containers[0]
			for path, probe := range map[string]*corev1.Probe{"/startupz": container.StartupProbe, "/livez": container.LivenessProbe, "/readyz": container.ReadinessProbe} {
				if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != path || probe.HTTPGet.Port.String() != "ops" {
					t.Errorf("%s: no probe of %s", deployment.Name, path)
				}
			}
			if !slices.ContainsFunc(container.Ports, func(port corev1.ContainerPort) bool { return port.Name == "ops" && port.ContainerPort == 9090 }) {
				t.Errorf("%s has no ops port", deployment.Name)
			}
		}
	})
}

// A pod gets no new requests for a moment, lets those in progress finish, and only then is killed.
func TestPodsHaveTimeToDrain(t *testing.T) {
	for set, drain := range map[string]int64{"minimal": 10, "production": 60} {
		t.Run(set, func(t *testing.T) {
			manifests := render(t, set)
			for _, deployment := range all[*appsv1.Deployment](manifests) {
				pod := deployment.Spec.Template.Spec
				hook := pod.Containers[0].Lifecycle
				if hook == nil || hook.PreStop == nil || hook.PreStop.Sleep == nil || hook.PreStop.Sleep.Seconds != 5 {
					t.Errorf("%s does not wait before it stops", deployment.Name)
				}
				if grace := *pod.TerminationGracePeriodSeconds; grace < drain+5+10 {
					t.Errorf("%s is killed after %d s, but drains for %d", deployment.Name, grace, drain)
				}
			}
			if want := fmt.Sprintf("drain: %ds", drain); !strings.Contains(manifests.text, want) {
				t.Errorf("the program is not told %q", want)
			}
		})
	}
}

func TestPodsNeedNotWait(t *testing.T) {
	for _, deployment := range all[*appsv1.Deployment](render(t, "minimal", "--set", "preStopSeconds=0")) {
		if hook := deployment.Spec.Template.Spec.Containers[0].Lifecycle; hook != nil {
			t.Errorf("%s: %+v", deployment.Name, hook)
		}
	}
}

// There is no shell in the image, nor anything else but the program: it is its arguments that differ.
func TestOurContainersRunTheProgramAlone(t *testing.T) {
	forEachSet(t, func(t *testing.T, manifests *Manifests) {
		for _, workload := range manifests.workloads() {
			for _, container := range slices.Concat(workload.pod.InitContainers, workload.pod.Containers) {
				if !strings.Contains(container.Image, "gatehouse") {
					continue
				}
				execs := container.Lifecycle != nil && container.Lifecycle.PreStop.Exec != nil
				for _, probe := range []*corev1.Probe{container.StartupProbe, container.LivenessProbe, container.ReadinessProbe} {
					execs = execs || probe != nil && probe.Exec != nil
				}
				if container.Command != nil || execs {
					t.Errorf("%s runs something else than the program: %v", workload.name, container.Command)
				}
			}
		}
	})
}

func selects(selector, labels map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return len(selector) > 0
}

func TestSelectorsFindTheirOwnPodsAndNoOthers(t *testing.T) {
	forEachSet(t, func(t *testing.T, manifests *Manifests) {
		for _, one := range manifests.workloads() {
			for _, other := range manifests.workloads() {
				if one.selector != nil && selects(one.selector, other.labels) != (one.name == other.name) {
					t.Errorf("the selector of %s and the pods of %s", one.name, other.name)
				}
			}
		}
	})
}

func TestEveryDeploymentHasADisruptionBudget(t *testing.T) {
	forEachSet(t, func(t *testing.T, manifests *Manifests) {
		for _, deployment := range all[*appsv1.Deployment](manifests) {
			count := 0
			for _, budget := range all[*policyv1.PodDisruptionBudget](manifests) {
				if selects(budget.Spec.Selector.MatchLabels, deployment.Spec.Template.Labels) {
					count++
				}
			}
			if count != 1 {
				t.Errorf("%s has %d budgets", deployment.Name, count)
			}
			if len(deployment.Spec.Template.Spec.TopologySpreadConstraints) != 2 {
				t.Errorf("%s is not spread over zones and nodes", deployment.Name)
			}
		}
	})
}

// An autoscaler and a fixed number of replicas would undo each other's work.
func TestEitherAutoscaledOrFixed(t *testing.T) {
	for set, autoscaled := range map[string]bool{"minimal": false, "production": true} {
		t.Run(set, func(t *testing.T) {
			manifests := render(t, set)
			targets := map[string]bool{}
			for _, scaler := range all[*autoscalingv2.HorizontalPodAutoscaler](manifests) {
				targets[scaler.Spec.ScaleTargetRef.Name] = true
			}
			for _, deployment := range all[*appsv1.Deployment](manifests) {
				if targets[deployment.Name] != autoscaled || (deployment.Spec.Replicas == nil) != autoscaled {
					t.Errorf("%s: autoscaler %v, fixed %v", deployment.Name, targets[deployment.Name], deployment.Spec.Replicas)
				}
			}
		})
	}
}

// What a pod mounts is there: its volumes, and the rendered objects behind them.
func TestNothingReferredToIsMissing(t *testing.T) {
	forEachSet(t, func(t *testing.T, manifests *Manifests) {
		keys := map[string]map[string]string{}
		for _, config := range all[*corev1.ConfigMap](manifests) {
			keys["ConfigMap "+config.Name] = config.Data
		}
		for _, secret := range all[*corev1.Secret](manifests) {
			keys["Secret "+secret.Name] = secret.StringData
		}
		for _, workload := range manifests.workloads() {
			volumes := map[string]bool{"data": true}
			for _, volume := range workload.pod.Volumes {
				volumes[volume.Name] = true
				if volume.ConfigMap != nil && keys["ConfigMap "+volume.ConfigMap.Name] == nil {
					t.Errorf("%s mounts the ConfigMap %s", workload.name, volume.ConfigMap.Name)
				}
				for _, reference := range secretsOf(volume) {
					rendered, found := keys["Secret "+reference.name]
					if strings.HasPrefix(reference.name, release+"-") && !found || found && rendered[reference.key] == "" {
						t.Errorf("%s mounts %s of the Secret %s", workload.name, reference.key, reference.name)
					}
				}
			}
			for _, mount := range workload.pod.Containers[0].VolumeMounts {
				if !volumes[mount.Name] {
					t.Errorf("%s mounts a volume %s", workload.name, mount.Name)
				}
			}
		}
	})
}

type secretReference struct{ name, key, path string }

// Each key that is named one by one.
func secretsOf(volume corev1.Volume) []secretReference {
	var found []secretReference
	add := func(name string, items []corev1.KeyToPath) {
		for _, item := range items {
			found = append(found, secretReference{name, item.Key, item.Path})
		}
	}
	if volume.Secret != nil {
		add(volume.Secret.SecretName, volume.Secret.Items)
	}
	if volume.Projected != nil {
		for _, source := range volume.Projected.Sources {
			add(source.Secret.Name, source.Secret.Items)
		}
	}
	return found
}

// Each role is given the secrets it needs, and no others.
func TestSecretsGoToTheRolesThatNeedThem(t *testing.T) {
	want := map[string][]string{
		"gateway":  {"gatehouse-key"},
		"auth":     {"gatehouse-key", "mysql", "rabbitmq", "stores-ca"},
		"files":    {"gatehouse-key", "mongodb", "rabbitmq", "stores-ca"},
		"worker":   {"mongodb", "rabbitmq", "stores-ca"},
		"notifier": {"gatehouse-key", "rabbitmq", "smtp", "stores-ca"},
	}
	for _, deployment := range all[*appsv1.Deployment](render(t, "production")) {
		role := component(deployment.Spec.Template.Labels)
		names := map[string]bool{}
		for _, volume := range deployment.Spec.Template.Spec.Volumes {
			for _, reference := range secretsOf(volume) {
				names[reference.name] = true
			}
		}
		if got := slices.Sorted(maps.Keys(names)); !slices.Equal(got, want[role]) {
			t.Errorf("%s has the secrets %v, not %v", role, got, want[role])
		}
	}
}

func TestNoSecretOutsideOfSecrets(t *testing.T) {
	manifests := render(t, "tryout")
	var secrets []string
	for _, secret := range all[*corev1.Secret](manifests) {
		for key, value := range secret.StringData {
			if strings.Contains(key, "password") || strings.HasSuffix(key, "key") {
				secrets = append(secrets, value)
			}
		}
	}
	if len(secrets) < 6 {
		t.Fatalf("only %d secrets", len(secrets))
	}
	for _, document := range strings.Split(manifests.text, "\n---\n") {
		for _, secret := range secrets {
			if !strings.Contains(document, "kind: Secret") && strings.Contains(document, secret) {
				t.Errorf("a secret stands in\n%s", document)
			}
		}
	}
}

func TestNamesAreNames(t *testing.T) {
	text, err := templateAs("a-release-with-a-name-as-long-as-helm-lets-it-be-53-c", values("tryout"))
	if err != nil {
		t.Fatal(text)
	}
	for _, line := range strings.Split(text, "\n") {
		if name, found := strings.CutPrefix(line, "  name: "); found {
			// A StatefulSet adds a number, and a pod's name becomes a label.
			if problems := validation.IsDNS1035Label(name + "-0"); len(problems) > 0 {
				t.Errorf("%s: %v", name, problems)
			}
		}
	}
}

// The program takes what the chart gives each role: its file, its variables, its secrets.
func TestTheProgramTakesTheConfiguration(t *testing.T) {
	forEachSet(t, func(t *testing.T, manifests *Manifests) {
		files := t.TempDir()
		for _, config := range all[*corev1.ConfigMap](manifests) {
			if text := config.Data["gatehouse.yaml"]; text != "" {
				writeFile(t, files, "gatehouse.yaml", text)
			}
		}
		for path, text := range map[string]string{
			"serviceKey":    strings.Repeat("k", 48),
			"encryptionKey": strings.Repeat("e", 48),
			"authStore":     "mysqls://gatehouse:secret@mysql.example.org/gatehouse?ca=/etc/gatehouse/ca/ca.crt",
			"filesStore":    "mongodb://gatehouse:secret@mongodb.example.org/gatehouse?tls=true",
			"eventsStore":   "amqps://gatehouse:secret@rabbitmq.example.org/",
			"smtpPassword":  "secret",
		} {
			writeFile(t, files, path, text)
		}
		for _, deployment := range all[*appsv1.Deployment](manifests) {
			var variables []string
			for _, variable := range deployment.Spec.Template.Spec.Containers[0].Env {
				value := strings.Replace(variable.Value, "/etc/gatehouse/config/", files+"/", 1)
				value = strings.Replace(value, "/run/secrets/gatehouse/", files+"/", 1)
				variables = append(variables, variable.Name+"="+value)
			}
			checkConfiguration(t, component(deployment.Spec.Template.Labels), variables)
		}
	})
}
