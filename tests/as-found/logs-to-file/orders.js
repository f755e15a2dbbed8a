// Flaw: logs to a file in its working folder. Nothing of interest ever shows on standard output.
const fs = require('fs');
const http = require('http');

fs.mkdirSync('logs', { recursive: true });
const log = fs.createWriteStream('logs/orders.log', { flags: 'a' });

http.createServer((request, response) => {
  log.write(`${new Date().toISOString()} ${request.method} ${request.url}\n`);
  response.end('no orders today\n');
}).listen(process.env.PORT, '127.0.0.1', () => log.write('started\n'));
