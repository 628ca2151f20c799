// Package desk takes appointments.
//
// Ask for a slot first.
//
//mcp:name clinic
package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/clinic/model"
)

// Visit is what was agreed on.
type Visit struct {
	Pet  model.Pet     `json:"pet"`
	When time.Time     `json:"when"`
	Took time.Duration `json:"took"`
}

// Register admits a patient. It answers with a `visit`,
// "quoted", and a backslash \ — in two lines.
//
//mcp:idempotent
//mcp:title Register a pet
//mcp:timeout 90s
func Register(ctx context.Context, pet model.Pet) (Visit, error) {
	if err := ctx.Err(); err != nil {
		return Visit{}, err
	}
	return Visit{Pet: pet}, nil
}

// FindSlot finds a free hour. There is one every day.
//
//mcp:readonly
//mcp:openworld=false
func FindSlot(urgency model.Urgency, species model.Species, days *int) (string, error) {
	if species == model.Lynx {
		return "", errors.New("no lynxes today")
	}
	return fmt.Sprintf("%s in %d", species, urgency), nil
}

// Dismiss ends the day.
//
//mcp:name close_desk
//mcp:destructive
func Dismiss() {}

// Handle is not for clients.
//
//mcp:skip
func Handle(chan int) {}

// Count is a method.
func (v *Visit) Count(c chan int) {}

func unexported(f func()) {}

var _ = unexported
