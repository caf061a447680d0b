import { MessageChannel } from "node:worker_threads";

/** Keeps this process from exiting for want of anything else to wait for, until the returned function is called. */
export function keepAlive(): () => void {
  const { port1 } = new MessageChannel();
  port1.on("message", () => undefined);
  return () => port1.close();
}
