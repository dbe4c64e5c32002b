package reach

import "fmt"

// A meter counts the work of a question, and ends it when it is used up or no longer wanted. Work is counted where it grows with the policies:
// a loop over them says what it is about to do, and who loses sight of that gives a hostile policy its way.
type meter struct {
	left   int  // steps
	begun  int  // operations of the step that is being taken
	budget *int // steps of all questions together; nil: no matter
	stop   func() error
	// stopped is what stop said. over holds from the first step on that there was not.
	stopped error
	over    bool
}

// perStep is how many operations are one step. An operation is some 50 nanoseconds of work: a look at a text, a map, an allocation.
const perStep = 200

var errSpent = fmt.Errorf("%w: the number of steps is used up", ErrTooComplex)

func newMeter(l Limits) *meter {
	m := &meter{left: l.Steps, budget: l.Budget, stop: l.Stop}
	if m.left == 0 {
		m.left = DefaultSteps
	}
	return m
}

// spend takes steps; it reports whether there were as many left.
func (m *meter) spend(steps int) bool {
	if m.over {
		return false
	}
	m.left -= steps
	m.over = m.left < 0
	if m.budget != nil {
		*m.budget -= steps
		m.over = m.over || *m.budget < 0
	}
	if m.stop != nil && m.stopped == nil {
		m.stopped = m.stop()
		m.over = m.over || m.stopped != nil
	}
	return !m.over
}

// work takes operations; it reports whether there were as many left.
func (m *meter) work(operations int) bool {
	if m.begun += operations; m.begun < perStep {
		return !m.over
	}
	steps := m.begun / perStep
	m.begun -= steps * perStep
	return m.spend(steps)
}

// answered leaves nothing of an answer to a question that was stopped but what stopped it.
func answered[T any](m *meter, answer *T, err *error) {
	if m.stopped != nil {
		var none T
		*answer, *err = none, m.stopped
	}
}
