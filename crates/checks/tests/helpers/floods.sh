#!/bin/sh
# Answers without end, in lines of a hundred thousand bytes.
line=$(printf '%0100000d' 0)
while :; do echo "$line"; done
