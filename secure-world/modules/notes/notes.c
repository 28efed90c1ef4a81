/*
 * notes: keeps notes while the world lives, each for the user who wrote it. The sample of a typed
 * interface: `cloister interface` makes everything but this file from notes.proto.
 */
#include "notes_module.h"

#define NOTES_MAX 16u

static struct {
    bool used;
    uint32_t owner; /* uid, as the world host knows it */
    notes_Note note;
} notes[NOTES_MAX];

static bool is_mine(const cloister_context *context, unsigned i)
{
    return notes[i].used && notes[i].owner == context->caller.uid;
}

cloister_status notes_handle_add(const cloister_context *context, const notes_AddRequest *request,
                                 notes_AddReply *reply)
{
    if (!request->has_note || request->note.title[0] == '\0' ||
        request->note.colour > _notes_Colour_MAX)
        return CLOISTER_BAD_ARGUMENT;
    for (unsigned i = 0; i < NOTES_MAX; i++) {
        if (notes[i].used)
            continue;
        notes[i].used = true;
        notes[i].owner = context->caller.uid;
        notes[i].note = request->note;
        reply->number = i;
        return CLOISTER_OK;
    }
    return CLOISTER_LIMIT;
}

static bool is_wanted(const notes_GetRequest *request, unsigned i)
{
    if (request->which_which == notes_GetRequest_number_tag)
        return request->which.number == i;
    return request->which_which == notes_GetRequest_title_tag &&
           strcmp(request->which.title, notes[i].note.title) == 0;
}

cloister_status notes_handle_get(const cloister_context *context, const notes_GetRequest *request,
                                 notes_GetReply *reply)
{
    for (unsigned i = 0; i < NOTES_MAX; i++) {
        if (!is_mine(context, i) || !is_wanted(request, i))
            continue;
        reply->has_note = true;
        reply->note = notes[i].note;
        return CLOISTER_OK;
    }
    return CLOISTER_NOT_FOUND;
}

cloister_status notes_handle_list(const cloister_context *context, notes_ListReply *reply)
{
    for (unsigned i = 0; i < NOTES_MAX; i++)
        if (is_mine(context, i))
            memcpy(reply->title[reply->title_count++], notes[i].note.title,
                   sizeof notes[i].note.title);
    return CLOISTER_OK;
}

cloister_status notes_handle_clear(const cloister_context *context)
{
    for (unsigned i = 0; i < NOTES_MAX; i++)
        if (is_mine(context, i))
            cloister_message_wipe(&notes[i], sizeof notes[i]);
    return CLOISTER_OK;
}

CLOISTER_MODULE(.name = "notes", .version = "1.0.0", .svn = 1, NOTES_INTERFACE);
