"""The OpenAI SDK as a client of a Wardroom: what it sends is understood, what it gets it can read."""

import asyncio

import openai
import pytest

LONG_STORY = (
    "The watch begins at eight bells. Nothing moves on the water, nothing moves on deck, "
    "and the log says so."
)


@pytest.fixture(scope="module")
def client(wardroom):
    with openai.OpenAI(
        base_url=f"{wardroom.url}/v1", api_key=wardroom.token, max_retries=0, timeout=30
    ) as client:
        yield client


@pytest.fixture(scope="module")
def model(client):
    return client.models.list().data[0].id


def said(text):
    return [{"role": "user", "content": text}]


def test_models_are_listed(client):
    models = client.models.list().data
    assert models and all(model.id and model.object == "model" for model in models)


def test_a_message_is_answered(client, model):
    answer = client.chat.completions.create(model=model, messages=said("say Ahoy back"))
    assert answer.object == "chat.completion"
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content == "Ahoy"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is None or answer.usage.total_tokens >= 0


def test_a_client_may_send_the_whole_history(client, model):
    answer = client.chat.completions.create(
        model=model,
        messages=[
            {"role": "system", "content": "You are on watch."},
            *said("say one back"),
            {"role": "assistant", "content": "one"},
            {"role": "user", "content": [{"type": "text", "text": "say two back"}]},
        ],
        user="a-conversation-of-its-own",
    )
    assert answer.choices[0].message.content == "two"


def test_a_streamed_answer_is_the_same_answer(client, model):
    chunks = list(
        client.chat.completions.create(model=model, messages=said("a long story"), stream=True)
    )
    choices = [choice for chunk in chunks for choice in chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == LONG_STORY
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["stop"]
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_wrong_token_is_refused(wardroom):
    stranger = openai.OpenAI(base_url=f"{wardroom.url}/v1", api_key="wrong", max_retries=0)
    with pytest.raises(openai.AuthenticationError) as refusal:
        stranger.models.list()
    assert refusal.value.status_code == 401
    with pytest.raises(openai.AuthenticationError):
        stranger.chat.completions.create(model="any", messages=said("hello"))


def test_nothing_said_is_refused(client, model):
    with pytest.raises(openai.UnprocessableEntityError) as refusal:
        client.chat.completions.create(model=model, messages=[])
    assert "`user`" in refusal.value.message


def test_conversations_at_the_same_time_do_not_mix(wardroom, model):
    async def ask(client, word):
        answer = await client.chat.completions.create(
            model=model, messages=said(f"say {word} back"), user=f"speaker-{word}"
        )
        return answer.choices[0].message.content

    async def everybody(words):
        async with openai.AsyncOpenAI(
            base_url=f"{wardroom.url}/v1", api_key=wardroom.token, max_retries=0, timeout=30
        ) as client:
            return await asyncio.gather(*(ask(client, word) for word in words))

    words = [f"word{number}" for number in range(8)]
    assert asyncio.run(everybody(words)) == words
