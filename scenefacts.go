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
