// Package qc measures whether an edited picture still shows what the camera
// recorded. Every check has a number, a limit in one table (Limits, docs/qc.md) and
// the regions where it is worst.
//
// There are two uses. Compare holds a picture against the deterministic picture it
// should equal (strictly, or up to tone). Gate is a stage that ends a pipeline: it
// holds the picture against the bracket it was made from, region by region against
// the frames that record the region, whatever was done to tone and white balance.
//
// Most checks work on a proxy: the picture area-averaged to at most ProxyPixels
// pixels, since structure, edges, lines, tone and colour of a scene are far larger
// than a pixel of a 45 MP picture. What lives in single pixels is read at full
// resolution: detail in tiles spread over the picture, seams in strips along the
// given borders, leak in every pixel. Lengths in limits are pixels of the picture;
// windows and blocks are pixels of the proxy.
package qc
