package parallel

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// One at a time has the turn; who waits can give up, and gets it when it is given back.
func TestTurn(t *testing.T) {
	turn := NewTurn()
	leave, err := turn.Take(t.Context())
	require.NoError(t, err)
	tired := errors.New("tired")
	gone, giveUp := context.WithCancelCause(t.Context())
	giveUp(tired)
	_, err = turn.Take(gone)
	require.ErrorIs(t, err, tired)
	n, done := 0, make(chan bool)
	go func() {
		defer close(done)
		leave, err := turn.Take(t.Context())
		if err == nil {
			n++
			leave()
		}
	}()
	n++
	leave()
	<-done
	require.Equal(t, 2, n)
}
