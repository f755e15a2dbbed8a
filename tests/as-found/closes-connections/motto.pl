# Flaw: answers in HTTP/1.0, without a length: the end of the connection is the end of the answer.
use strict;
use warnings;
use IO::Socket::INET;

$SIG{PIPE} = 'IGNORE';
my $server = IO::Socket::INET->new(
    LocalAddr => '127.0.0.1', LocalPort => $ENV{PORT}, Listen => 64, ReuseAddr => 1
) or die "cannot listen: $!";

while (1) {
    my $client = $server->accept or next;
    while (defined(my $line = <$client>)) {
        last if $line eq "\r\n";
    }
    print $client "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nper aspera ad acta\n";
    close $client;
}
