/**
 * The API that the pipeline `orders_api` reads: 230 orders, 50 on a page, the next page by a cursor. It needs nothing
 * but Node.js: `npm run example:orders-api`, and Ctrl-C ends it. PORT is its port, 8787 by default.
 *
 * `GET /orders?after=O0050` answers `{"orders": […], "next": "O0100"}`; on the last page `next` is null.
 */
const { createServer } = require('node:http');

const ORDERS = 230;
const PAGE = 50;
const STATUSES = ['new', 'paid', 'paid', 'shipped', 'cancelled'];

/** As text: a price such as 0.10 is a number with two digits, which JavaScript would write as 0.1. */
function order(number) {
  const id = `O${String(number).padStart(4, '0')}`;
  const cents = (number * 7919) % 20000;
  const price = `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
  const at = new Date(Date.UTC(2026, 2, 1, 8, number * 7)).toISOString();
  const coupon = number % 9 === 0 ? `"SPRING${number}"` : 'null';
  return `{"id": "${id}", "ordered_at": "${at}", "customer": {"id": ${1000 + (number % 37)}, "country": "${['DE', 'AT', 'CH'][number % 3]}"}, "quantity": ${1 + (number % 5)}, "price": ${price}, "status": "${STATUSES[number % STATUSES.length]}", "coupon": ${coupon}}`;
}

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://localhost');
  response.setHeader('content-type', 'application/json');
  if (url.pathname !== '/orders') {
    response.statusCode = 404;
    response.end('{"error": "There is only /orders."}');
    return;
  }
  const after = Number((url.searchParams.get('after') ?? 'O0').slice(1)) || 0;
  const last = Math.min(after + PAGE, ORDERS);
  const orders = Array.from({ length: Math.max(0, last - after) }, (_, index) => order(after + index + 1));
  const next = last < ORDERS ? `"O${String(last).padStart(4, '0')}"` : 'null';
  response.end(`{"orders": [\n${orders.join(',\n')}\n], "next": ${next}}\n`);
});

server.listen(Number(process.env.PORT ?? 8787), '127.0.0.1', () => {
  console.log(`Orders at http://127.0.0.1:${server.address().port}/orders`);
});
