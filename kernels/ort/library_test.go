package ort

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/realedit/realedit/kernels"
)

func touch(t *testing.T, path string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte("no library"), 0o600))
	return path
}

func TestFind(t *testing.T) {
	if libraryName() != "libonnxruntime.so" {
		t.Skip("the names are Linux's")
	}
	home, dir := t.TempDir(), t.TempDir()
	t.Setenv("XDG_DATA_HOME", home)
	t.Setenv(EnvLibrary, "")
	t.Setenv("LD_LIBRARY_PATH", dir+string(filepath.ListSeparator)+"relative")
	own := filepath.Join(home, "realedit", "ort")
	require.Equal(t, []string{own + "/libonnxruntime.so", dir + "/libonnxruntime.so"}, Find("")[:2])
	old, young := touch(t, own+"/libonnxruntime.so.1.9.9"), touch(t, own+"/libonnxruntime.so.1.31.1")
	touch(t, own+"/libonnxruntime_providers_cuda.so")
	touch(t, own+"/libonnxruntime.so.d/x")
	found := Find("")
	require.Equal(t, young, found[0])
	require.Equal(t, old, found[1])
	for _, p := range found {
		require.True(t, filepath.IsAbs(p), p)
		require.NotContains(t, p, "providers")
	}
	named := touch(t, dir+"/my.so")
	t.Setenv(EnvLibrary, named)
	require.Equal(t, []string{named}, Find(""), "what is asked for is all there is")
	t.Setenv(EnvLibrary, own)
	require.Equal(t, []string{young}, Find(""), "a folder's newest")
	t.Chdir(dir)
	require.Equal(t, []string{named}, Find("my.so"), "the option comes first, and is made absolute")
	require.Equal(t, []string{dir + "/none.so"}, Find("none.so"))
	t.Setenv("XDG_DATA_HOME", "relative")
	t.Setenv("HOME", home)
	require.Equal(t, filepath.Join(home, ".local", "share", "realedit"), DataFolder())
}

// load opens a library in a process of its own, since a process has one for good. It returns what Library says, or the error.
func load(t *testing.T, option string, env ...string) (string, error) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run", "^TestLoadHelper$", "-test.v")
	c.Env = append(os.Environ(), "REALEDIT_ORT_HELPER=1", "REALEDIT_ORT_OPTION="+option)
	c.Env = append(c.Env, env...)
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	if _, text, ok := strings.Cut(string(out), "opened <"); ok {
		text, _, _ = strings.Cut(text, ">")
		return text, nil
	}
	_, text, ok := strings.Cut(string(out), "failed <")
	require.True(t, ok, "%s", out)
	text, _, _ = strings.Cut(text, ">")
	return "", errors.New(text)
}

func TestLoadHelper(t *testing.T) {
	if os.Getenv("REALEDIT_ORT_HELPER") == "" {
		t.Skip("for other tests")
	}
	err := Load(os.Getenv("REALEDIT_ORT_OPTION"))
	if err != nil {
		require.True(t, errors.Is(err, ErrNoLibrary), "%v", err)
		fmt.Printf("failed <%v>\n", err)
		return
	}
	path, version := Library()
	require.NoError(t, Load(""))
	require.NoError(t, Load(path))
	require.ErrorIs(t, Load("/nowhere/libonnxruntime.so"), ErrNoLibrary, "a process has one")
	fmt.Printf("opened <%s %s>\n", path, version)
}

// fake builds a library that claims a version of ONNX Runtime and answers NULL for every version of its interface.
func fake(t *testing.T, path, version string) string {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler to build a library with")
	}
	src := filepath.Join(t.TempDir(), "fake.c")
	code := "int other;\n"
	if version != "" {
		code = fmt.Sprintf(`static const void *api(unsigned v) { return 0; }
static const char *version(void) { return %q; }
static struct { const void *(*a)(unsigned); const char *(*v)(void); } base = {api, version};
const void *OrtGetApiBase(void) { return &base; }
`, version)
	}
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(src, []byte(code), 0o600))
	out, err := exec.Command(cc, "-shared", "-fPIC", "-o", path, src).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

func TestWrongLibraries(t *testing.T) {
	if errNative != nil {
		t.Skip(errNative)
	}
	dir := t.TempDir()
	none := EnvLibrary + "="
	for _, c := range []struct{ path, why string }{
		{dir + "/none.so", "it is not there"},
		{touch(t, dir+"/text.so"), "text.so"},
		{fake(t, dir+"/other.so", ""), "it is no ONNX Runtime"},
		{fake(t, dir+"/old.so", "1.23.2"), "it is version 1.23.2, and 1.24 or newer is needed"},
		{fake(t, dir+"/ancient.so", "0.5.0"), "it is version 0.5.0"},
		{fake(t, dir+"/liar.so", "1.24.0"), "version 1.24.0: "},
	} {
		_, err := load(t, c.path, none)
		require.ErrorContains(t, err, c.why)
		require.ErrorContains(t, err, c.path, "the path that was tried")
		require.ErrorContains(t, err, "make ort", "and what to do")
		_, err = load(t, "", EnvLibrary+"="+c.path)
		require.ErrorContains(t, err, c.why)
	}
	_, err := load(t, t.TempDir(), none)
	require.ErrorContains(t, err, "no "+libraryName()+" in it")
}

// A library that cannot be used does not hide one that can, where neither was named.
func TestGoodBehindBad(t *testing.T) {
	need(t)
	path, version := Library()
	home := t.TempDir()
	own := filepath.Join(home, "realedit", "ort")
	fake(t, own+"/libonnxruntime.so.1.98.0", "1.23.0")
	fake(t, own+"/libonnxruntime.so.1.99.0", "1.99.0")
	good := own + "/libonnxruntime.so." + version
	require.NoError(t, os.Symlink(path, good))
	got, err := load(t, "", EnvLibrary+"=", "XDG_DATA_HOME="+home)
	require.NoError(t, err)
	require.Equal(t, good+" "+version, got)
	got, err = load(t, path, EnvLibrary+"=/nowhere")
	require.NoError(t, err)
	require.Equal(t, path+" "+version, got)
}

func TestWithoutCgo(t *testing.T) {
	if errNative == nil {
		t.Skip("this build can")
	}
	r, err := New(nil)
	require.NoError(t, err)
	_, err = r.Acquire(t.Context(), &Model{Path: "x"})
	require.True(t, errors.Is(err, kernels.ErrNoCgo) || errors.Is(err, kernels.ErrUnsupported), "%v", err)
	require.Error(t, Load(""))
}
