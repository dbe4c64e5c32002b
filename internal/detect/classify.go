//go:build !(goexperiment.simd && amd64)

package detect

// classify is blockMasks: the portable build has no faster way.
func classify(t *[maskSize]byte) (m masks, marks uint64) { return blockMasks(t) }
