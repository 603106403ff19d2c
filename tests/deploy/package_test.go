// SPDX-License-Identifier: Apache-2.0

package deploy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Package is a Debian package, and its bill of materials.
type Package struct{ file, bom string }

// makePackage makes the package of the program under test.
func makePackage(directory string) (Package, error) {
	if output, err := exec.Command(filepath.Join(root, "tools", "package"), program, directory).CombinedOutput(); err != nil {
		return Package{}, fmt.Errorf("tools/package: %w\n%s", err, output)
	}
	packages, _ := filepath.Glob(filepath.Join(directory, "*.deb"))
	boms, _ := filepath.Glob(filepath.Join(directory, "*.spdx.json"))
	if len(packages) != 1 || len(boms) != 1 {
		return Package{}, fmt.Errorf("tools/package made %v and %v", packages, boms)
	}
	return Package{packages[0], boms[0]}, nil
}

var makeSharedPackage = sync.OnceValues(func() (Package, error) {
	directory := filepath.Join(build, "package")
	if err := os.RemoveAll(directory); err != nil {
		return Package{}, err
	}
	return makePackage(directory)
})

// sharedPackage is made once for all tests: packing keeps a core busy for a while.
func sharedPackage(t *testing.T) Package {
	t.Helper()
	made, err := makeSharedPackage()
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestPackageIsReproducible(t *testing.T) {
	t.Parallel()
	first := sharedPackage(t)
	second, err := makePackage(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal([]byte(readFile(t, first.file)), []byte(readFile(t, second.file))) {
		t.Error("two packages of one program differ")
	}
}

func TestPackageNamesWhatItLinks(t *testing.T) {
	t.Parallel()
	var document struct {
		SpdxVersion string
		Packages    []struct{ Name, VersionInfo string }
	}
	if err := json.Unmarshal([]byte(readFile(t, sharedPackage(t).bom)), &document); err != nil {
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
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	made := sharedPackage(t).file
	video := filepath.Join(t.TempDir(), "video.mp4")
	run(t, "ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=d=2:s=640x360", "-f", "lavfi", "-i", "sine=d=2", video)
	output, err := exec.Command(filepath.Join(root, "tests", "deploy", "check_package"), made, video, filepath.Join(build, "systemd-root.tar")).CombinedOutput()
	if err != nil {
		t.Fatalf("check_package: %v\n%s", err, output)
	}
	if !strings.Contains(string(output), "the package is fine") {
		t.Errorf("check_package did not come to its end:\n%s", output)
	}
	t.Logf("%s", output)
}
