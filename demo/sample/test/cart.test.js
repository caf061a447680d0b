import assert from "node:assert/strict";
import { test } from "node:test";
import { subtotal, total } from "../src/cart.js";
import { format } from "../src/money.js";

const cart = [
  { name: "bread", cents: 350, count: 2 },
  { name: "cheese", cents: 1300, count: 1 },
];

test("adds up counts", () => {
  assert.equal(subtotal(cart), 2000);
});

test("takes the voucher off the whole cart", () => {
  assert.equal(total(cart, 20), 1600);
});

test("costs nothing when the cart is empty", () => {
  assert.equal(total([], 20), 0);
});

test("formats cents", () => {
  assert.equal(format(1605), "16.05");
});
