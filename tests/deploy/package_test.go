// SPDX-License-Identifier: Apache-2.0

package deploy

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// makePackage makes the Debian package of the program under test; the package and its bill of materials.
func makePackage(t *testing.T, directory string) (string, string) {
	t.Helper()
	run(t, filepath.Join(root, "tools", "package"), program, directory)
	packages, _ := filepath.Glob(filepath.Join(directory, "*.deb"))
	boms, _ := filepath.Glob(filepath.Join(directory, "*.spdx.json"))
	if len(packages) != 1 || len(boms) != 1 {
		t.Fatalf("tools/package made %v and %v", packages, boms)
	}
	return packages[0], boms[0]
}

func TestPackageIsReproducible(t *testing.T) {
	first, _ := makePackage(t, t.TempDir())
	second, _ := makePackage(t, t.TempDir())
	if !bytes.Equal([]byte(readFile(t, first)), []byte(readFile(t, second))) {
		t.Error("two packages of one program differ")
	}
}

func TestPackageNamesWhatItLinks(t *testing.T) {
	_, bom := makePackage(t, t.TempDir())
	var document struct {
		SpdxVersion string
		Packages    []struct{ Name, VersionInfo string }
	}
	if err := json.Unmarshal([]byte(readFile(t, bom)), &document); err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for _, part := range document.Packages {
		versions[part.Name] = part.VersionInfo
	}
	for _, wanted := range []string{"gatehouse", "libssl3", "libsqlite3-0", "libcurl4", "libc6"} {
		if versions[wanted] == "" {
			t.Errorf("%s is not in the bill of materials", wanted)
		}
	}
}

// In a Debian of its own, booted with systemd.
func TestPackageWorksAsItsUnitConfinesIt(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	made, _ := makePackage(t, t.TempDir())
	video := filepath.Join(t.TempDir(), "video.mp4")
	run(t, "ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=d=2:s=640x360", "-f", "lavfi", "-i", "sine=d=2", video)
	if err := os.MkdirAll(build, 0o755); err != nil {
		t.Fatal(err)
	}
	output, err := exec.Command(filepath.Join(root, "tests", "deploy", "check_package"), made, video, filepath.Join(build, "systemd-root.tar")).CombinedOutput()
	if err != nil {
		t.Fatalf("check_package: %v\n%s", err, output)
	}
	if !strings.Contains(string(output), "the package is fine") {
		t.Errorf("check_package did not come to its end:\n%s", output)
	}
	t.Logf("%s", output)
}
