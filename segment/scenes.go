package segment

import "github.com/realedit/realedit"

// The kinds of scenes in which stages have something to do, for routes that serve all of them (realedit.SceneBound).

// Scenes are those that may be rooms.
func (Windows) Scenes() []realedit.SceneKind {
	return []realedit.SceneKind{realedit.SceneInterior, realedit.SceneUnknown}
}

// Scenes are those that may be outdoors, and with Force all.
func (s Sky) Scenes() []realedit.SceneKind {
	if s.Force {
		return []realedit.SceneKind{realedit.SceneInterior, realedit.SceneExterior, realedit.SceneUnknown}
	}
	return []realedit.SceneKind{realedit.SceneExterior, realedit.SceneUnknown}
}

// Scenes are pictures of the outdoors: where it cannot be told, the sky stays.
func (ReplaceSky) Scenes() []realedit.SceneKind {
	return []realedit.SceneKind{realedit.SceneExterior}
}
