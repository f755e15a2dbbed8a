# Flaw: forks its workers, and forgets them: when the parent is stopped, its children serve on and keep the port.
use strict;
use warnings;
use IO::Socket::INET;

$SIG{PIPE} = 'IGNORE';
my $server = IO::Socket::INET->new(
    LocalAddr => '127.0.0.1', LocalPort => $ENV{PORT}, Listen => 64, ReuseAddr => 1
) or die "cannot listen: $!";

for (1 .. 3) {
    next if fork;
    while (my $client = $server->accept) {
        while (defined(my $line = <$client>)) {
            last if $line eq "\r\n";
        }
        my $body = "ticket by $$\n";
        print $client "HTTP/1.1 200 OK\r\nContent-Length: ", length $body, "\r\nConnection: close\r\n\r\n$body";
        close $client;
    }
    exit;
}
wait for 1 .. 3;
