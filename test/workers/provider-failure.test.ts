import { expect, it } from "vitest";
import { classifyProviderFailure, isModelTrouble } from "../../src/workers/provider-failure.ts";

it.each([
  ['429 {"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}', "rate_limited", true],
  ["Error: 429 status code (no body)", "rate_limited", true],
  ['529 {"type":"error","error":{"type":"overloaded_error"}}', "rate_limited", true],
  [
    '429 {"error":{"code":"insufficient_quota","message":"You exceeded your current quota"}}',
    "rate_limited",
    false,
  ],
  ["You exceeded your current quota, please check your plan and billing details", "rate_limited", false],
  [
    '401 {"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}',
    "self_exit",
    false,
  ],
  ["No API key found for anthropic.", "self_exit", false],
  ['404 {"type":"error","error":{"type":"not_found_error","message":"model: nope"}}', "self_exit", false],
  ["The model `gpt-99` does not exist or you do not have access to it.", "self_exit", false],
  ["prompt is too long: 213462 tokens > 200000 maximum", "self_exit", false],
  ['400 {"error":{"code":"context_length_exceeded"}}', "self_exit", false],
  ["400 Invalid value for temperature", "self_exit", false],
  ["503 Service Unavailable", "self_exit", true],
  ["fetch failed", "self_exit", true],
  ["socket hang up", "self_exit", true],
  // Words inside a structured error do not overrule its own type.
  ['500 {"error":{"type":"api_error","message":"rate limit worker crashed"}}', "self_exit", true],
  ["400 Your credit balance is too low to access the API", "rate_limited", false],
])("%s: %s", (message, cause, retryable) => {
  expect(classifyProviderFailure(message)).toEqual({ cause, retryable });
});

it("tells trouble with the model from other trouble before the session", () => {
  expect(isModelTrouble('Error: Model "a/b" not found. Use --list-models to see available models.')).toBe(
    true,
  );
  expect(isModelTrouble('Error: Failed to load extension "x": Cannot find module')).toBe(false);
});
