#!/bin/sh
# Speaks something else.
printf 'ready.\033[31m\n'
