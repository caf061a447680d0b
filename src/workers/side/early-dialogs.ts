/** The dialogs of a host's user interface; each resolves with what a person chose. */
export interface Dialogs {
  confirm: (...asked: never[]) => Promise<boolean>;
  select: (...asked: never[]) => Promise<string | undefined>;
  input: (...asked: never[]) => Promise<string | undefined>;
  editor: (...asked: never[]) => Promise<string | undefined>;
}

/**
 * Answers dialogs at once as a person does who closes them, until the returned function is called. Host 0.73.1 reads
 * no input before every extension has started: a worker with an extension that asks something at its start would
 * wait for an answer that cannot come, or simply exit with code 0.
 */
export function closeDialogs(dialogs: Dialogs): () => void {
  if (Object.isFrozen(dialogs)) return () => undefined;
  const { confirm, select, input, editor } = dialogs;
  const closed: Dialogs = {
    confirm: async () => false,
    select: async () => undefined,
    input: async () => undefined,
    editor: async () => undefined,
  };
  Object.assign(dialogs, closed);
  return () => void Object.assign(dialogs, { confirm, select, input, editor });
}
