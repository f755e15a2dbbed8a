package main

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"sync"
	"time"
)

// A path is cut to this many bytes in a log line.
const loggedPathBytesMax = 512

type level int

const (
	levelDebug level = iota
	levelInfo
	levelWarn
	levelError
)

var levelNames = []string{"debug", "info", "warn", "error"}

func levelNamed(name string) (level, bool) {
	for index, candidate := range levelNames {
		if candidate == name {
			return level(index), true
		}
	}
	return levelInfo, false
}

// logger writes one JSON object per line.
type logger struct {
	mutex  sync.Mutex
	output io.Writer
	least  level
}

type logLine struct {
	Time    string `json:"time"`
	Level   string `json:"level"`
	Message string `json:"message"`
	*requestFields
}

type requestFields struct {
	Method      string  `json:"method"`
	Path        string  `json:"path"`
	Status      int     `json:"status"`
	DurationMs  float64 `json:"duration_ms"`
	Traceparent string  `json:"traceparent,omitempty"`
}

func newLogger(output io.Writer, least level) *logger {
	return &logger{output: output, least: least}
}

func (l *logger) event(level level, message string) {
	l.write(level, logLine{Message: message})
}

// request writes the line of one answered request; method and target are empty when it could not be read.
func (l *logger) request(asked request, status int, duration time.Duration) {
	path := pathOf(asked.target)
	if len(path) > loggedPathBytesMax {
		path = path[:loggedPathBytesMax]
	}
	l.write(levelInfo, logLine{Message: "request", requestFields: &requestFields{
		Method:      asked.method,
		Path:        path,
		Status:      status,
		DurationMs:  math.Round(float64(duration)/float64(time.Microsecond)) / 1000,
		Traceparent: asked.traceparent,
	}})
}

func (l *logger) write(level level, line logLine) {
	if level < l.least {
		return
	}
	line.Time = time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	line.Level = levelNames[level]
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(line) != nil {
		return // cannot happen: every field is a string or a finite number
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	_, _ = l.output.Write(encoded.Bytes())
}
