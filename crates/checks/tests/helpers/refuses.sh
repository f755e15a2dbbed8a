#!/bin/sh
# Says that it cannot.
echo '{"error":{"message":"the request has version 1, this helper speaks version 9 alone"}}'
exit 2
