package main

import (
	"strings"
	"testing"
)

func lookupIn(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, found := values[name]
		return value, found
	}
}

func TestHostAndLevelHaveDefaults(t *testing.T) {
	got, err := readSettings(lookupIn(map[string]string{"PORT": "80"}))
	if want := (settings{"127.0.0.1", 80, levelInfo}); err != nil || got != want {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestAMissingOrBadValueIsNamed(t *testing.T) {
	cases := []struct {
		values map[string]string
		named  string
	}{
		{map[string]string{}, "PORT"},
		{map[string]string{"PORT": "65536"}, "65536"},
		{map[string]string{"PORT": "80", "LOG_LEVEL": "loud"}, "loud"},
	}
	for _, c := range cases {
		if _, err := readSettings(lookupIn(c.values)); err == nil || !strings.Contains(err.Error(), c.named) {
			t.Errorf("%v: got %v", c.values, err)
		}
	}
}
