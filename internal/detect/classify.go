//go:build !(goexperiment.simd && amd64)

package detect

// vectors says that classifyVectors is there: the portable build has none.
const vectors = false

// classifyVectors stands for the one of classify_simd.go.
func (m *marks) classifyVectors(_ []byte, _, _ int) {}
