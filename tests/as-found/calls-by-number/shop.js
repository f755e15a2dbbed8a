// Flaw: the host and port of the service that it calls are written into the code.
const http = require('http');

http.createServer((request, response) => {
  const asked = http.get('http://127.0.0.1:18101/', (answer) => {
    response.writeHead(answer.statusCode, { 'content-type': 'application/json' });
    answer.pipe(response);
  });
  asked.on('error', (error) => {
    response.statusCode = 502;
    response.end(`no stock: ${error.code}\n`);
  });
}).listen(process.env.PORT, '127.0.0.1');
