#!/bin/sh
# Answers for the first file only, and ends as if that were all.
echo '{"inspected":{"name":"a.hurl","methods":["GET"]}}'
echo '{"summary":{"files":1}}'
