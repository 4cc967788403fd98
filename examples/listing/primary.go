package main

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/realedit/realedit"
)

// setPolicies gives the sets that -primary names the policy primary and all others -policy's. A name is a set's, or a photo's with or
// without its extension, or a photo's path in its listing; it has to mean one set, and no other set of that set's listing may be primary.
func (b *batch) setPolicies(lists []*listing) error {
	for _, l := range lists {
		for _, j := range l.sets {
			j.policy = b.o.policy
		}
	}
	first := map[*listing]string{}
	for _, name := range b.o.primary {
		var found []*job
		for _, l := range lists {
			for _, j := range l.sets {
				if b.isCalled(j, name) {
					found = append(found, j)
				}
			}
		}
		if len(found) == 0 {
			return badUsage("-primary", "no set or photo is called %q", name)
		}
		for _, j := range found[1:] {
			if j.list != found[0].list {
				return badUsage("-primary", "%q is in several listings; write it with its listing: %s/%s", name, found[0].list.name, name)
			}
		}
		if len(found) > 1 {
			return badUsage("-primary", "%q means %d sets, like %s and %s", name, len(found), found[0].name, found[1].name)
		}
		j := found[0]
		if other := first[j.list]; other != "" && other != j.name {
			return badUsage("-primary", "%s and %s are of one listing, which has one primary photo", other, j.name)
		}
		first[j.list] = j.name
		j.policy = realedit.Primary
		b.primary[j.name] = true
	}
	return nil
}

func (b *batch) isCalled(j *job, name string) bool {
	names := []string{j.name}
	add := func(in *input) {
		base := path.Base(in.rel)
		names = append(names, in.rel, base, strings.TrimSuffix(in.rel, path.Ext(base)), strings.TrimSuffix(base, path.Ext(base)))
	}
	if j.broken != nil {
		add(j.broken)
	}
	for _, p := range slices.Concat(j.set.Photos, j.set.Unused) {
		add(b.names[p])
	}
	for _, n := range names {
		if name == n || path.Clean(filepath.ToSlash(name)) == path.Join(filepath.ToSlash(j.list.name), n) {
			return true
		}
	}
	return false
}
