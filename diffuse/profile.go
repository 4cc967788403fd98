package diffuse

// Profile is how a card's memory is used.
type Profile struct {
	Name string
	// Resident keeps all networks loaded, the UNet and its ControlNets as one graph. Otherwise one large network is loaded at a time, and what ControlNets
	// say lies in host memory.
	Resident bool
	// Batch and VAEBatch are how many tiles the UNet and the autoencoder take at once; 0 = 1.
	Batch, VAEBatch int
}

// The profiles, by the memory that they leave room in. docs/diffusion.md has what they took.
var (
	Profile8GB = Profile{Name: "8GB", Batch: 2, VAEBatch: 2}
	// Profile16GBInt8 is for a UNet and ControlNets in 8 bits (weights.Set.Int8), which have room beside each other then. In 8 bits Profile8GB takes 5.2 GB.
	Profile16GBInt8 = Profile{Name: "16GB int8", Resident: true, Batch: 2, VAEBatch: 1}
	Profile24GB     = Profile{Name: "24GB", Resident: true, Batch: 4, VAEBatch: 2}
	Profile40GB     = Profile{Name: "40GB+", Resident: true, Batch: 8, VAEBatch: 8}
)

// ProfileFor is the profile for a card with so many free bytes, for tiles of 768² and networks in float16: what the profile took where it was measured, and a twentieth.
func ProfileFor(free int64) Profile {
	switch {
	case free >= 47e9:
		return Profile40GB
	case free >= 23.2e9:
		return Profile24GB
	}
	return Profile8GB
}

// smaller is a profile that takes less; false where there is none.
func (p *Profile) smaller() (Profile, bool) {
	switch {
	case p.Resident && p.batch() > Profile24GB.Batch:
		return Profile24GB, true
	case p.Resident:
		return Profile8GB, true
	case p.batch() > 1 || p.vaeBatch() > 1:
		return Profile{Name: "8GB, one tile at a time"}, true
	}
	return *p, false
}

func (p *Profile) batch() int    { return max(p.Batch, 1) }
func (p *Profile) vaeBatch() int { return max(p.VAEBatch, 1) }
