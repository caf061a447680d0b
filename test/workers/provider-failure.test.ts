import { expect, it } from "vitest";
import { classifyProviderFailure, isModelTrouble } from "../../src/workers/provider-failure.ts";

it.each([
  ['429 {"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}', "rate_limit", true],
  ["Error: 429 status code (no body)", "rate_limit", true],
  ['529 {"type":"error","error":{"type":"overloaded_error"}}', "rate_limit", true],
  ['429 {"error":{"code":"insufficient_quota","message":"You exceeded your current quota"}}', "quota", false],
  ["You exceeded your current quota, please check your plan and billing details", "quota", false],
  [
    '401 {"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}',
    "auth",
    false,
  ],
  ["No API key found for anthropic.", "auth", false],
  ['404 {"type":"error","error":{"type":"not_found_error","message":"model: nope"}}', "model", false],
  ["The model `gpt-99` does not exist or you do not have access to it.", "model", false],
  ["prompt is too long: 213462 tokens > 200000 maximum", "overflow", false],
  ['400 {"error":{"code":"context_length_exceeded"}}', "overflow", false],
  ["400 Invalid value for temperature", "refused", false],
  ["503 Service Unavailable", "network", true],
  ["fetch failed", "network", true],
  ["socket hang up", "network", true],
  // Words inside a structured error do not overrule its own type.
  ['500 {"error":{"type":"api_error","message":"rate limit worker crashed"}}', "network", true],
])("%s: %s", (message, kind, retryable) => {
  const rateLimited = kind === "rate_limit" || kind === "quota";
  expect(classifyProviderFailure(message)).toEqual({
    kind,
    retryable,
    cause: rateLimited ? "rate_limited" : "self_exit",
  });
});

it("tells trouble with the model from other trouble before the session", () => {
  expect(isModelTrouble('Error: Model "a/b" not found. Use --list-models to see available models.')).toBe(
    true,
  );
  expect(isModelTrouble('Error: Failed to load extension "x": Cannot find module')).toBe(false);
});
