// SPDX-License-Identifier: Apache-2.0
package deploy

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/md5"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// File system of an image, by name without the first slash.
type Files map[string]*FileEntry

type FileEntry struct {
	header *tar.Header
	text   []byte // of what is small
	script bool   // it begins with #!
	digest string
	object *Object // of ELF files
}

// Object is what the dynamic linker looks at.
type Object struct {
	needed  []string
	runpath []string
	program bool // has an interpreter, which a library need not
}

// files reads what a container of the image would see.
func (engine *Engine) files(t *testing.T, image string) Files {
	t.Helper()
	container := engine.do(t, "create", "--network", "none", image)
	defer engine.do(t, "rm", container)
	command := engine.command("export", container)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	files := Files{}
	archive := tar.NewReader(bufio.NewReaderSize(output, 1<<20))
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		files[path.Clean(header.Name)] = readEntry(t, header, content)
	}
	if err := command.Wait(); err != nil {
		t.Fatal(err)
	}
	return files
}

func readEntry(t *testing.T, header *tar.Header, content []byte) *FileEntry {
	t.Helper()
	entry := &FileEntry{header: header, script: bytes.HasPrefix(content, []byte("#!"))}
	if header.Typeflag != tar.TypeReg {
		return entry
	}
	sum := md5.Sum(content)
	entry.digest = hex.EncodeToString(sum[:])
	if len(content) < 1<<18 {
		entry.text = content
	}
	if bytes.HasPrefix(content, []byte(elf.ELFMAG)) {
		file, err := elf.NewFile(bytes.NewReader(content))
		if err != nil {
			t.Fatalf("%s: %v", header.Name, err)
		}
		entry.object = &Object{}
		entry.object.needed, _ = file.ImportedLibraries()
		for _, tag := range []elf.DynTag{elf.DT_RUNPATH, elf.DT_RPATH} {
			paths, _ := file.DynString(tag)
			for _, list := range paths {
				entry.object.runpath = append(entry.object.runpath, strings.Split(list, ":")...)
			}
		}
		entry.object.program = slices.ContainsFunc(file.Progs, func(prog *elf.Prog) bool { return prog.Type == elf.PT_INTERP })
	}
	return entry
}

// find follows symbolic links, also those of directories; "" when nothing is there.
func (files Files) find(name string) string {
	done, rest := "", strings.Split(path.Clean("/" + name)[1:], "/")
	for steps := 0; len(rest) > 0; steps++ {
		here := path.Join(done, rest[0])
		entry := files[here]
		if entry == nil || steps > 100 {
			return ""
		}
		rest = rest[1:]
		if entry.header.Typeflag != tar.TypeSymlink {
			done = here
			continue
		}
		target := entry.header.Linkname
		if !path.IsAbs(target) {
			target = path.Join("/", done, target)
		}
		done, rest = "", append(strings.Split(path.Clean(target)[1:], "/"), rest...)
	}
	return done
}

func isLibrary(name string) bool {
	return strings.HasSuffix(name, ".so") || strings.Contains(path.Base(name), ".so.")
}

// checkContents looks at all of an image: these programs, what they need, and nothing else that can be run.
func checkContents(t *testing.T, files Files, programs []string) {
	var found []string
	for name, entry := range files {
		mode := entry.header.FileInfo().Mode()
		if entry.script {
			t.Errorf("%s is a script", name)
		}
		if mode.IsRegular() && !isLibrary(name) && (entry.object != nil || mode.Perm()&0o111 != 0 && entry.header.Size > 0) {
			found = append(found, name)
		}
		if place := path.Base(path.Dir(name)); (place == "bin" || place == "sbin" || place == "games" || place == "libexec") && !mode.IsDir() &&
			!slices.Contains(programs, name) {
			t.Errorf("%s is where programs are", name)
		}
		if entry.header.Mode&0o6000 != 0 || entry.header.PAXRecords["SCHILY.xattr.security.capability"] != "" {
			t.Errorf("%s gives privileges", name)
		}
		if entry.header.Typeflag != tar.TypeSymlink && mode.Perm()&0o002 != 0 && entry.header.Mode&0o1000 == 0 {
			t.Errorf("anybody may write to %s", name)
		}
	}
	slices.Sort(found)
	if !slices.Equal(found, programs) {
		t.Errorf("the programs in it are %q, not %q", found, programs)
	}
	for _, name := range []string{"bin/gatehouse", "lib/apt", "var/lib/apt", "var/lib/dpkg/status", "var/lib/dpkg/info", "var/cache", "root", "src", "usr/include"} {
		if files[name] != nil {
			t.Errorf("there is %s", name)
		}
	}
	checkData(t, files)
	checkLibraries(t, files, programs)
	checkPackages(t, files)
}

// What programs look for while they run.
func checkData(t *testing.T, files Files) {
	for _, name := range []string{"etc/ssl/certs/ca-certificates.crt", "usr/lib/ssl/certs/ca-certificates.crt", "usr/lib/ssl/openssl.cnf", "usr/share/misc/magic.mgc", "usr/lib/locale/C.utf8/LC_CTYPE",
		"etc/os-release", "etc/debian_version", "usr/share/doc/gatehouse/LICENSE", "usr/share/common-licenses/GPL-3", "usr/share/common-licenses/Apache-2.0"} {
		if files.find(name) == "" {
			t.Errorf("there is no %s", name)
		}
	}
	for name, want := range map[string]string{"etc/nsswitch.conf": "hosts: files dns\n", "etc/passwd": "\ngatehouse:x:10001:10001::/data:/\n", "etc/group": "\ngatehouse:x:10001:\n"} {
		if entry := files[name]; entry == nil || !strings.Contains(string(entry.text), want) {
			t.Errorf("%s does not say %q", name, want)
		}
	}
	for name, want := range map[string]int64{"tmp": 0o1777, "var/tmp": 0o1777, "data": 0o700, "usr": 0o755, "etc": 0o755} {
		if entry := files[name]; entry == nil || entry.header.Mode&0o7777 != want {
			t.Errorf("%s is not %o", name, want)
		}
	}
}

// Every shared library of the programs is there, and of the plug-ins that they load.
func checkLibraries(t *testing.T, files Files, programs []string) {
	multiarch := path.Dir(files.find("usr/lib64/ld-linux-x86-64.so.2") + files.find("usr/lib/ld-linux-aarch64.so.1"))
	plugin := path.Join(multiarch, "libmariadb3/plugin/caching_sha2_password.so") // by which MySQL 8 logs in
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		entry := files[name]
		if seen[name] {
			return
		}
		seen[name] = true
		if entry == nil || entry.object == nil {
			t.Errorf("%s is not there", name)
			return
		}
		for _, library := range entry.object.needed {
			found := ""
			for _, directory := range append(slices.Clone(entry.object.runpath), multiarch, "usr/lib") {
				directory = strings.ReplaceAll(directory, "$ORIGIN", "/"+path.Dir(name))
				if found = files.find(path.Join(directory, library)); found != "" {
					break
				}
			}
			if found == "" {
				t.Errorf("%s needs %s, which is not there", name, library)
				continue
			}
			visit(found)
		}
	}
	for _, name := range append(slices.Clone(programs), plugin) {
		visit(name)
	}
	t.Logf("%d objects are linked", len(seen))
}

// packages by name: their records, as scanners read them.
func (files Files) packages() map[string]string {
	found := map[string]string{}
	for name, entry := range files {
		if path.Dir(name) == "var/lib/dpkg/status.d" && !strings.HasSuffix(name, ".md5sums") {
			found[path.Base(name)] = string(entry.text)
		}
	}
	return found
}

// Each package has a record and its licence; each library is one of a package, as that made it.
func checkPackages(t *testing.T, files Files) {
	sums := map[string]string{}
	for name, record := range files.packages() {
		if !strings.HasPrefix(record, "Package: "+name+"\n") || !strings.Contains(record, "\nStatus: install ok installed\n") || !strings.Contains(record, "\nVersion: ") {
			t.Errorf("the record of %s is\n%s", name, record)
		}
		licence := path.Join("usr/share/doc", name, "copyright")
		if files.find(licence) == "" && files.find(licence+".gz") == "" {
			t.Errorf("%s is there without its licence", name)
		}
		listed := files[path.Join("var/lib/dpkg/status.d", name+".md5sums")]
		if listed == nil {
			t.Errorf("what %s is made of is not known", name)
			continue
		}
		for _, line := range strings.Split(string(listed.text), "\n") {
			if sum, file, fine := strings.Cut(line, "  "); fine {
				sums[strings.TrimPrefix(file, "usr/")] = sum
			}
		}
	}
	for name, entry := range files {
		if entry.object == nil || !isLibrary(name) {
			continue
		}
		if want, known := sums[strings.TrimPrefix(name, "usr/")]; !known || want != entry.digest {
			t.Errorf("%s is of no package that is recorded, or not as that made it", name)
		}
	}
	t.Logf("%d packages", len(files.packages()))
}

// What the program links by its own bill of materials is what is installed.
func checkBillOfMaterials(t *testing.T, files Files) {
	var document struct {
		Packages      []struct{ SPDXID, Name, VersionInfo string }
		Relationships []struct{ RelationshipType, RelatedSpdxElement string }
	}
	if err := json.Unmarshal([]byte(readFile(t, sharedPackage(t).bom)), &document); err != nil {
		t.Fatal(err)
	}
	installed, linked := files.packages(), map[string]bool{}
	for _, relation := range document.Relationships {
		if relation.RelationshipType == "DYNAMIC_LINK" {
			linked[relation.RelatedSpdxElement] = true
		}
	}
	for _, part := range document.Packages {
		if record, there := installed[part.Name]; !linked[part.SPDXID] {
			continue
		} else if !there {
			t.Errorf("%s is in the bill of materials, but not in the image, which has %q", part.Name, slices.Sorted(maps.Keys(installed)))
		} else if !strings.Contains(record, "\nVersion: "+part.VersionInfo+"\n") {
			t.Logf("%s is another one than this machine's", part.Name)
		}
	}
	if len(linked) < 10 {
		t.Errorf("%d packages in the bill of materials", len(linked))
	}
}
