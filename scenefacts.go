package realedit

// SceneKind says where a picture was taken.
type SceneKind string

// The kinds of scenes.
const (
	SceneUnknown  SceneKind = "unknown"
	SceneInterior SceneKind = "interior"
	SceneExterior SceneKind = "exterior"
)

// Room is what an interior is, as far as a model can tell.
type Room string

// The rooms.
const (
	RoomUnknown    Room = "unknown" // no model was asked
	RoomKitchen    Room = "kitchen"
	RoomBedroom    Room = "bedroom"
	RoomLivingRoom Room = "living_room"
	RoomBathroom   Room = "bathroom"
	RoomDiningRoom Room = "dining_room"
	RoomHallway    Room = "hallway"
	RoomOffice     Room = "office"
	RoomLaundry    Room = "laundry"
	RoomGarage     Room = "garage"
	RoomOther      Room = "other"
)

// SceneFacts are what is known of a picture's scene.
type SceneFacts struct {
	Scene      SceneKind `json:"scene"`
	Room       Room      `json:"room"`
	Confidence float64   `json:"confidence"` // of Scene, 0 to 1
	Source     string    `json:"source"`     // what told: "route", "light", "sky", "bracket", "model"
}

// WindowFacts are a window that was found.
type WindowFacts struct {
	// Corners of the opening's glass in pixels of the picture (x to the right, y down, pixel edges at whole numbers), clockwise from the upper
	// left one. They may lie outside the picture where it cuts the window.
	Corners    [4][2]float64 `json:"corners"`
	Confidence float64       `json:"confidence"` // 0 to 1
	Evidence   string        `json:"evidence"`   // what told: "bracket", "shape", "model"
}
