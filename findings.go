package realedit

// The checks of the stages' findings (Finding.Check). Quality control's are "qc_" and the check's name: docs/qc.md.
// Texts may change, these do not. docs/report.md's table is made of this list.
const (
	CheckPhotoUnreadable = "photo_unreadable"      // a photo's pixels cannot be read; it takes no part
	CheckPhotoClipped    = "photo_clipped"         // a photo is nearly all black or white; it takes no part
	CheckPhotoSize       = "photo_size"            // a photo has another size than the reference; it takes no part
	CheckPolicyRefused   = "policy_refused"        // the policy forbids what a stage may do; it was left out
	CheckStageSkipped    = "stage_skipped"         // what a stage needs is not in this picture; it was left out
	CheckAlignFailed     = "align_failed"          // a photo could not be registered and takes no part
	CheckAlignWeak       = "align_weak"            // a photo was registered on little evidence
	CheckGhost           = "ghost"                 // something moved; it comes from one photo
	CheckMetadata        = "metadata"              // metadata that has no place in the file
	CheckSceneUnknown    = "scene_unknown"         // neither interior nor exterior could be told
	CheckSkyFound        = "sky_found"             // sky was found
	CheckSkyNotFound     = "sky_not_found"         // no sky in a picture that was to have one
	CheckSkyUncertain    = "sky_uncertain"         // something may be sky; it is left as it is
	CheckSkyKept         = "sky_kept"              // the sky is good, or nothing better was allowed or there
	CheckSkyReplaced     = "sky_replaced"          // the sky was replaced
	CheckSkySource       = "sky_source"            // a sky of the library cannot be used
	CheckWindowFound     = "window_found"          // a window was found
	CheckWindowNotFound  = "window_not_found"      // no window was found
	CheckWindowNoSource  = "window_no_source"      // no photo of the bracket holds the view, or the share of it that `value` says; it stays bright
	CheckWindowPulled    = "window_pulled"         // the view comes from a darker photo
	CheckWindowPainted   = "window_painted"        // a model painted the view, of so many windows
	CheckModelMissing    = "model_missing"         // a model was asked for and is not there
	CheckModelBad        = "model_bad"             // a model's file, signature or answer is not what it has to be; the default was used
	CheckModelFailed     = "model_failed"          // a model could not be run for want of its library, memory or device; the default was used
	CheckProvider        = "ort_provider"          // an ONNX Runtime provider is not there; a slower one was used
	CheckRetry           = "rung_failed"           // a rung of the ladder did not pass
	CheckBackendTooSmall = "backend_too_small"     // the stages take more device memory than there is
	CheckBackendMemory   = "backend_out_of_memory" // the device's memory did not suffice
	CheckBackendLost     = "backend_lost"          // the device failed
)
