import { suggest } from '../../pipeline/suggest';

describe('a suggestion', () => {
  it.each([
    ['quantty', 'quantity'],
    ['Quantity', 'quantity'],
    ['quantiyt', 'quantity'],
    ['unitprice', 'unit_price'],
    ['prodct', 'product'],
  ])('for %s is %s', (name, meant) => {
    expect(suggest(name, ['product', 'quantity', 'unit_price'])).toBe(meant);
  });

  it('is none where nothing is near', () => {
    expect(suggest('colour', ['product', 'quantity'])).toBeUndefined();
    expect(suggest('x', ['abc'])).toBeUndefined();
    expect(suggest('', [])).toBeUndefined();
  });
});
