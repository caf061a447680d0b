/** Sum of a cart in cents. */
export function subtotal(items) {
  return items.reduce((sum, item) => sum + item.cents * item.count, 0);
}

/** What is left to pay, in cents, with a voucher of `percent`. */
export function total(items, percent = 0) {
  const voucher = Math.round((items[0]?.cents ?? 0) * (percent / 100));
  return subtotal(items) - voucher;
}
