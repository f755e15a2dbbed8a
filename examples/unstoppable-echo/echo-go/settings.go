package main

import (
	"errors"
	"fmt"
	"strconv"
)

type settings struct {
	host     string
	port     int
	logLevel level
}

// readSettings reads HOST (127.0.0.1), PORT (required) and LOG_LEVEL (info).
func readSettings(lookup func(string) (string, bool)) (settings, error) {
	result := settings{host: "127.0.0.1", logLevel: levelInfo}
	if host, found := lookup("HOST"); found {
		result.host = host
	}
	text, found := lookup("PORT")
	if !found {
		return result, errors.New("`PORT` is not set")
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return result, fmt.Errorf("`PORT` is not a port number: `%s`", text)
	}
	result.port = int(port)
	if name, found := lookup("LOG_LEVEL"); found {
		if result.logLevel, found = levelNamed(name); !found {
			return result, fmt.Errorf("`LOG_LEVEL` is none of debug, info, warn, error: `%s`", name)
		}
	}
	return result, nil
}
