// SPDX-License-Identifier: Apache-2.0
package deploy

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestOnlyTheGatewayIsExposed(t *testing.T) {
	forEachSet(t, func(t *testing.T, manifests *Manifests) {
		for _, service := range all[*corev1.Service](manifests) {
			gateway := component(service.Spec.Selector) == "gateway"
			if !gateway && (service.Spec.Type != "" && service.Spec.Type != corev1.ServiceTypeClusterIP || len(service.Spec.ExternalIPs) > 0) {
				t.Errorf("%s is a %s", service.Name, service.Spec.Type)
			}
			for _, port := range service.Spec.Ports {
				if port.Port == 9090 || port.TargetPort.String() == "ops" {
					t.Errorf("%s serves the ops port", service.Name)
				}
			}
		}
		for _, ingress := range all[*networkingv1.Ingress](manifests) {
			for _, rule := range ingress.Spec.Rules {
				for _, path := range rule.HTTP.Paths {
					if path.Backend.Service.Name != release+"-gatehouse-gateway" {
						t.Errorf("the Ingress leads to %s", path.Backend.Service.Name)
					}
				}
			}
		}
	})
}

func TestIngressServesThePublicURL(t *testing.T) {
	ingresses := all[*networkingv1.Ingress](render(t, "production"))
	if len(ingresses) != 1 {
		t.Fatalf("%d Ingresses", len(ingresses))
	}
	spec := ingresses[0].Spec
	if spec.Rules[0].Host != "gate.example.org" || !slices.Equal(spec.TLS[0].Hosts, []string{"gate.example.org"}) || spec.TLS[0].SecretName != "gate-tls" {
		t.Errorf("%+v", spec)
	}
	if text := render(t, "production", "--set", "publicUrl=https://other.example.org:8443"); all[*networkingv1.Ingress](text)[0].Spec.Rules[0].Host != "other.example.org" {
		t.Error("the port is part of the host")
	}
}

// Every pod is denied everything, and has one policy of what it may.
func TestEveryPodHasItsPolicies(t *testing.T) {
	forEachSet(t, func(t *testing.T, manifests *Manifests) {
		for _, workload := range manifests.workloads() {
			denied, own := 0, 0
			for _, policy := range all[*networkingv1.NetworkPolicy](manifests) {
				if !selects(policy.Spec.PodSelector.MatchLabels, workload.labels) {
					continue
				}
				if len(policy.Spec.PolicyTypes) != 2 {
					t.Errorf("%s is for %v only", policy.Name, policy.Spec.PolicyTypes)
				}
				if len(policy.Spec.Ingress)+len(policy.Spec.Egress) == 0 {
					denied++
				} else {
					own++
				}
			}
			if denied != 1 || own != 1 {
				t.Errorf("%s: %d policies that deny, %d that allow", workload.name, denied, own)
			}
		}
	})
}

func TestWithoutNetworkPolicies(t *testing.T) {
	if found := all[*networkingv1.NetworkPolicy](render(t, "tryout", "--set", "networkPolicy.enabled=false")); len(found) != 0 {
		t.Errorf("%d policies", len(found))
	}
}

func matchesPort(ports []networkingv1.NetworkPolicyPort, port int32) bool {
	return len(ports) == 0 || slices.ContainsFunc(ports, func(p networkingv1.NetworkPolicyPort) bool {
		return p.Port.IntVal == port && (p.Protocol == nil || *p.Protocol == corev1.ProtocolTCP)
	})
}

func matchesPeer(peers []networkingv1.NetworkPolicyPeer, labels map[string]string) bool {
	return len(peers) == 0 || slices.ContainsFunc(peers, func(p networkingv1.NetworkPolicyPeer) bool {
		return p.PodSelector != nil && p.NamespaceSelector == nil && selects(selectorOf(p.PodSelector), labels)
	})
}

func selectorOf(selector *metav1.LabelSelector) map[string]string { return selector.MatchLabels }

// connects says whether the policies let a pod of `from` reach a port of a pod of `to`, as Kubernetes defines it.
func (manifests *Manifests) connects(from, to Workload, port int32) bool {
	out, in := false, false
	for _, policy := range all[*networkingv1.NetworkPolicy](manifests) {
		if selects(policy.Spec.PodSelector.MatchLabels, from.labels) {
			out = out || slices.ContainsFunc(policy.Spec.Egress, func(rule networkingv1.NetworkPolicyEgressRule) bool {
				return matchesPort(rule.Ports, port) && matchesPeer(rule.To, to.labels)
			})
		}
		if selects(policy.Spec.PodSelector.MatchLabels, to.labels) {
			in = in || slices.ContainsFunc(policy.Spec.Ingress, func(rule networkingv1.NetworkPolicyIngressRule) bool {
				return matchesPort(rule.Ports, port) && matchesPeer(rule.From, from.labels)
			})
		}
	}
	return out && in
}

// The whole table of who reaches whom.
func TestWhoReachesWhom(t *testing.T) {
	manifests := render(t, "tryout")
	want := []string{
		"auth -> mysql:3306", "auth -> rabbitmq:5672",
		"files -> auth:8081", "files -> mongodb:27017", "files -> rabbitmq:5672",
		"gateway -> auth:8081", "gateway -> files:8082",
		"mongodb -> mongodb:27017", // a replica set finds itself
		"notifier -> auth:8081", "notifier -> rabbitmq:5672",
		"test -> gateway:8080",
		"worker -> mongodb:27017", "worker -> rabbitmq:5672",
	}
	got := map[string]bool{}
	for _, from := range manifests.workloads() {
		for _, to := range manifests.workloads() {
			for _, port := range to.pod.Containers[0].Ports {
				if manifests.connects(from, to, port.ContainerPort) {
					got[fmt.Sprintf("%s -> %s:%d", component(from.labels), component(to.labels), port.ContainerPort)] = true
				}
			}
		}
	}
	if sorted := slices.Sorted(maps.Keys(got)); !slices.Equal(sorted, want) {
		t.Errorf("got  %q\nwant %q", sorted, want)
	}
}

// What leaves the release: names, the stores on their ports, mail; and nothing that came with no limit.
func TestWhatLeavesTheRelease(t *testing.T) {
	want := map[string][]string{
		"auth":     {"53", "3306", "5671", "5672"},
		"files":    {"53", "8081", "27017", "5671", "5672"},
		"worker":   {"53", "27017", "5671", "5672"},
		"notifier": {"53", "8081", "5671", "5672", "465", "587"},
		"gateway":  {"53", "8081", "8082"},
	}
	manifests := render(t, "minimal")
	for _, policy := range all[*networkingv1.NetworkPolicy](manifests) {
		role := component(policy.Spec.PodSelector.MatchLabels)
		expected, found := want[role]
		if !found {
			continue
		}
		ports := map[string]bool{}
		for _, rule := range policy.Spec.Egress {
			if len(rule.Ports) == 0 {
				t.Errorf("%s: a rule for all ports", role)
			}
			for _, port := range rule.Ports {
				ports[port.Port.String()] = true
			}
		}
		slices.Sort(expected)
		if got := slices.Sorted(maps.Keys(ports)); !slices.Equal(got, expected) {
			t.Errorf("%s: %v, not %v", role, got, expected)
		}
	}
}
