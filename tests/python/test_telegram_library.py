"""Another client library drives the stand-in for Telegram that our own connector is tested against.

The library knows nothing of us: what it sends, reads and raises here is what it would with Telegram,
so the stand-in is not shaped to our connector.
"""

import asyncio
import subprocess
from pathlib import Path

import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity, error

from conftest import BINARY

TOKEN = "1000:main-token"
STAND_IN = Path(BINARY).parent / "examples" / "telegram_stand_in"


class Telegram:
    """The stand-in, and the people who use it."""

    def __init__(self):
        self.process = subprocess.Popen(
            [STAND_IN, TOKEN, "crew_bot"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:")

    def __call__(self, line: str):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == "done", line

    def bot(self, token: str = TOKEN) -> Bot:
        return Bot(token, base_url=f"{self.url}/bot", base_file_url=f"{self.url}/file/bot")

    def stop(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


@pytest.fixture
def telegram():
    stand_in = Telegram()
    yield stand_in
    stand_in.stop()


def with_bot(telegram: Telegram, talk, token: str = TOKEN):
    async def run():
        async with telegram.bot(token) as bot:
            return await talk(bot)

    return asyncio.run(run())


def test_it_talks(telegram):
    async def talk(bot: Bot):
        assert bot.username == "crew_bot"
        telegram("says 42 Ada /status now")
        [update] = await bot.get_updates(timeout=5)
        assert update.message.text == "/status now"
        assert update.effective_user.id == 42 and update.effective_chat.type == "private"
        assert update.message.entities[0].type == MessageEntity.BOT_COMMAND
        assert await bot.get_updates(offset=update.update_id + 1) == ()

        bold = MessageEntity(MessageEntity.BOLD, 3, 4)
        sent = await bot.send_message(42, "👍 bold", entities=[bold])
        assert sent.text == "👍 bold" and sent.chat.id == 42
        html = await bot.send_message(42, "<b>bold</b> &lt;", parse_mode="HTML")
        assert html.text == "bold <"

        keys = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="token")]])
        asked = await bot.send_message(42, "Well?", reply_markup=keys)
        telegram(f"presses 42 Ada {asked.message_id} Yes")
        [update] = await bot.get_updates(offset=update.update_id + 1, timeout=5)
        assert update.callback_query.data == "token" and update.callback_query.from_user.id == 42
        assert await bot.answer_callback_query(update.callback_query.id, "noted")
        edited = await bot.edit_message_text("Approved", 42, asked.message_id)
        assert edited.text == "Approved"
        assert await bot.send_chat_action(42, "typing")

    with_bot(telegram, talk)


def test_it_carries_files(telegram):
    async def talk(bot: Bot):
        telegram("file 42 Ada some notes")
        [update] = await bot.get_updates(timeout=5)
        document = update.message.document
        assert document.file_name == "notes.txt" and update.message.caption == "notes"
        file = await bot.get_file(document.file_id)
        assert bytes(await file.download_as_bytearray()) == b"some notes"
        sent = await bot.send_document(42, b"abc", filename="a.bin")
        assert sent.document.file_name == "a.bin" and sent.document.file_size == 3

    with_bot(telegram, talk)


def refused(telegram, kind, call, token: str = TOKEN):
    async def talk(bot: Bot):
        with pytest.raises(kind) as caught:
            await call(bot)
        return caught.value

    return with_bot(telegram, talk, token)


def test_it_refuses_what_telegram_refuses(telegram):
    telegram("says 42 Ada hello")
    telegram("blocks 43 Bob")
    telegram("upgrades -5 -1001234567890")
    telegram("floods sendMessage 7")
    flood = refused(telegram, error.RetryAfter, lambda bot: bot.send_message(42, "x"))
    pause = flood.retry_after
    assert (pause.total_seconds() if hasattr(pause, "total_seconds") else pause) == 7
    moved = refused(telegram, error.ChatMigrated, lambda bot: bot.send_message(-5, "x"))
    assert moved.new_chat_id == -1001234567890
    blocked = refused(telegram, error.Forbidden, lambda bot: bot.send_message(43, "x"))
    assert "blocked" in str(blocked)
    beyond = MessageEntity(MessageEntity.BOLD, 0, 9)
    inside = MessageEntity(MessageEntity.BOLD, 1, 1)
    for words, call in [
        ("too long", lambda bot: bot.send_message(42, "x" * 4097)),
        ("empty", lambda bot: bot.send_message(42, " ")),
        ("chat not found", lambda bot: bot.send_message(999, "x")),
        ("ends after the end", lambda bot: bot.send_message(42, "x", entities=[beyond])),
        ("middle of a utf-16 symbol", lambda bot: bot.send_message(42, "👍", entities=[inside])),
        ("can't find end tag", lambda bot: bot.send_message(42, "<b>x", parse_mode="HTML")),
        ("message to edit not found", lambda bot: bot.edit_message_text("x", 42, 999)),
        ("query is too old", lambda bot: bot.answer_callback_query("none", "x")),
    ]:
        told = refused(telegram, error.BadRequest, call)
        assert words in str(told).lower(), told

    async def unchanged(bot: Bot):
        sent = await bot.send_message(42, "same")
        await bot.edit_message_text("same", 42, sent.message_id)

    assert "not modified" in str(refused(telegram, error.BadRequest, unchanged))


def test_it_knows_keys_rivals_and_webhooks(telegram):
    with pytest.raises(error.InvalidToken):
        with_bot(telegram, lambda bot: bot.get_me(), "1000:wrong")

    async def hooked(bot: Bot):
        await bot.set_webhook("https://wardroom.example/telegram/webhook", secret_token="hush_1")
        assert (await bot.get_webhook_info()).url.endswith("/telegram/webhook")
        await bot.get_updates()

    assert "webhook" in str(refused(telegram, error.Conflict, hooked))

    async def rivals(bot: Bot):
        await bot.delete_webhook()
        first = asyncio.create_task(bot.get_updates(timeout=20))
        await asyncio.sleep(0.5)
        async with telegram.bot() as other:
            await asyncio.gather(first, other.get_updates(timeout=1))

    assert "other getUpdates" in str(refused(telegram, error.Conflict, rivals))
