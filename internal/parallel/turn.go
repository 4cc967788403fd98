package parallel

import "context"

// Turn is a mutex that can be waited for until a context ends. NewTurn makes one.
type Turn chan struct{}

// NewTurn is a Turn that nobody has.
func NewTurn() Turn { return make(Turn, 1) }

// Take waits until nobody else has the turn; leave gives it back. The error is the cause of the context's end.
func (t Turn) Take(ctx context.Context) (leave func(), err error) {
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
