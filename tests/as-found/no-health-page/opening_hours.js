// Flaw: no health page. One address answers, any other is not found.
const http = require('http');

http.createServer((request, response) => {
  if (request.url === '/hours') {
    response.end('Mon-Fri 9-17\n');
  } else {
    response.statusCode = 404;
    response.end('not found\n');
  }
}).listen(process.env.PORT, '127.0.0.1');
